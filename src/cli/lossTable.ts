import type { Baselines, Losses } from '../train/baselines.ts';
import type { Certificate } from '../train/certificate.ts';
import { digits } from './text.ts';

type Tuned = Baselines['tuned'];

const rows = [
  ['best ramp', 'ramp', ({ ramp }: Tuned) => `time constant ${constantText(ramp)}`],
  ['best exponential average', 'ema', ({ ema }: Tuned) => `a = ${digits(ema)}`],
  ['best moving average', 'sma', ({ sma }: Tuned) => `${sma} samples`],
  ['newest sample alone', 'newest', () => ''],
  ['best kernel of any shape', 'free', () => ''],
] as const;

/**
 * The losses of a kernel beside those of the baselines, on either part, and what each baseline was tuned to.
 *
 * @param tuned for each kernel; several are left to the table of channels
 */
export function lossTable(
  learned: string,
  loss: { readonly train: Losses; readonly heldOut: Losses | null },
  tuned: readonly Tuned[],
): string {
  const line = (label: string, train: string, heldOut: string, parameter = '') =>
    `${label.padEnd(26)}${train.padStart(12)}${heldOut.padStart(12)}${parameter && `   ${parameter}`}`;
  const of = (key: keyof Losses, parts: typeof loss) =>
    [digits(parts.train[key]), parts.heldOut ? digits(parts.heldOut[key]) : ''] as const;
  const [one, ...more] = tuned;
  return [
    line('', 'trained on', 'held out', more.length === 0 ? 'tuned to' : ''),
    line(learned, ...of('learned', loss)),
    ...rows.map(([label, key, parameter]) =>
      line(label, ...of(key, loss), one && more.length === 0 ? parameter(one) : ''),
    ),
  ].join('\n');
}

/** A time constant of a ramp, null for infinite, in words. */
export function constantText(samples: number | null): string {
  return samples === null ? 'infinite (the moving average)' : `${digits(samples)} samples`;
}

/** The certificate in words. */
export function certificateText({ gap, relative }: Certificate): string {
  const share = relative === null ? 'the target is reached exactly' : `${digits(relative, 2)} of the loss`;
  return `certificate: no kernel of the class has a loss lower by more than ${digits(gap, 2)} (${share})`;
}
