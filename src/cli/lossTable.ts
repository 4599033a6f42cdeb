import type { Losses } from '../train/baselines.ts';
import type { Certificate } from '../train/certificate.ts';
import { digits } from './text.ts';

const rows = [
  ['best ramp', 'ramp'],
  ['best exponential average', 'ema'],
  ['best moving average', 'sma'],
  ['newest sample alone', 'newest'],
  ['best kernel of any shape', 'free'],
] as const;

/** What the losses are and what 1 stands for. */
export function lossLine({
  lossName,
  target,
  windows,
}: {
  readonly lossName: string;
  readonly target: string;
  readonly windows: { readonly used: number; readonly leftOut: number };
}): string {
  const unit = target.startsWith('column:') ? 'the best constant' : 'the newest sample alone';
  return `loss (${lossName}), 1 is ${unit}; ${windows.used} windows used, ${windows.leftOut} left out`;
}

/** The losses of a kernel beside those of the baselines, on either part. */
export function lossTable(
  learned: string,
  loss: { readonly train: Losses; readonly heldOut: Losses | null },
): string {
  const line = (label: string, train: string, heldOut: string) =>
    `${label.padEnd(26)}${train.padStart(12)}${heldOut.padStart(12)}`;
  return [
    line('', 'trained on', 'held out'),
    ...([[learned, 'learned'], ...rows] as const).map(([label, key]) =>
      line(label, digits(loss.train[key]), loss.heldOut ? digits(loss.heldOut[key]) : ''),
    ),
  ].join('\n');
}

/** The certificate in words. */
export function certificateText({ gap, relative }: Certificate): string {
  const share = relative === null ? 'the target is reached exactly' : `${digits(relative, 2)} of the loss`;
  return `certificate: no kernel of the class has a loss lower by more than ${digits(gap, 2)} (${share})`;
}
