import type { ErrorLoss } from './errorLoss.ts';

/** `mse`: e². Its mean is a quadratic form in the taps, which training uses; here it is for errors one by one. */
export const squared: ErrorLoss = {
  name: 'mse',
  noun: 'squared error',
  bias: false,
  value: (error) => error * error,
  slope: (error) => 2 * error,
  curvature: () => 2,
  conjugate: (slope) => (slope * slope) / 4,
  tensor: (tf, errors) => tf.square(errors),
};
