import type { TrainResult } from '../train/train.ts';
import { digits } from './text.ts';

/**
 * What the kernel, or each channel's own, comes to on each channel, with its bias and certificate and the parameters of
 * its baselines where they are its own.
 */
export function channelTable({ channels, channelLosses, kernels, tuned }: TrainResult): string {
  const own = kernels[0].channel !== null;
  const theirs = [...tuned];
  const each = tuned.length > 1;
  const lines = channelLosses.map(({ channel, train, heldOut }, c) => {
    const kernel = kernels[c] ?? kernels[0];
    const { relative, reason = '' } = kernel.certificate;
    // A channel without a loss has nothing to tune on.
    const parameters = each && train !== null ? theirs.shift() : undefined;
    return [
      channel,
      numeral(train),
      numeral(heldOut),
      ...(own ? [digits(kernel.bias), relative === null ? reason : digits(relative, 2)] : []),
      ...(each ? [constant(parameters?.ramp), numeral(parameters?.ema), numeral(parameters?.sma)] : []),
    ];
  });
  const header = [
    channels.length === 1 ? 'channel' : 'channels',
    'trained on',
    'held out',
    ...(own ? ['bias', 'gap / loss'] : []),
    ...(each ? ['ramp (samples)', 'average a', 'average of'] : []),
  ];
  const widths = header.map((_, i) => Math.max(...[header, ...lines].map((line) => line[i]!.length)));
  return [header, ...lines]
    .map((line) =>
      line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
    )
    .join('\n');
}

function numeral(value: number | null | undefined): string {
  return typeof value === 'number' ? digits(value) : '';
}

/** A ramp's time constant; null is infinite. */
function constant(samples: number | null | undefined): string {
  return samples === null ? 'infinite' : numeral(samples);
}
