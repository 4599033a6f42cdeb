/**
 * Lag and noise gain of the averages everybody knows, for the picture of delay against noise. Of non-increasing
 * positive taps with unit sum none lies on or below noise gain × (lag + ½) = 4/9.
 */
export type LagAndGain = readonly [lag: number, noiseGain: number];

/** The mean of the newest M ≥ 1 samples. */
export function movingAverage(length: number): LagAndGain {
  return [(length - 1) / 2, 1 / length];
}

/** `y += a·(x - y)`, 0 < a ≤ 1, of endless memory. */
export function exponentialAverage(a: number): LagAndGain {
  return [(1 - a) / a, a / (2 - a)];
}

/** Taps that fall linearly, w[j] ∝ L - j for j = 0 … L-1: the nearest to the bound, which they reach as L grows. */
export function linearAverage(length: number): LagAndGain {
  return [(length - 1) / 3, (2 * (2 * length + 1)) / (3 * length * (length + 1))];
}

/** The noise gain that no kernel of the class with this lag reaches. */
export function boundAt(lag: number): number {
  return 4 / 9 / (lag + 0.5);
}

/** The three families and the bound between two lags (samples, 0 < from < to), a point each at evenly spaced logarithms. */
export function averageCurves(
  from: number,
  to: number,
): Readonly<Record<'moving' | 'exponential' | 'linear' | 'bound', readonly LagAndGain[]>> {
  const steps = 60;
  const lags = Array.from({ length: steps + 1 }, (_, i) => from * (to / from) ** (i / steps));
  return {
    moving: lags.map((lag) => movingAverage(2 * lag + 1)),
    exponential: lags.map((lag) => exponentialAverage(1 / (1 + lag))),
    linear: lags.map((lag) => linearAverage(3 * lag + 1)),
    bound: lags.map((lag) => [lag, boundAt(lag)] as const),
  };
}
