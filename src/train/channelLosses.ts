import { lossOf, type PartLoss } from './loss.ts';

/** What a kernel comes to on one channel alone, in the unit of the loss; null where the channel is left out of it. */
export interface ChannelLoss {
  readonly channel: string;
  readonly train: number | null;
  readonly heldOut: number | null;
  /** Of the newest sample alone on the training part: 1, but for a target `column`. */
  readonly newest: number | null;
}

/**
 * The mean that is trained on may hide a channel on which a shared kernel does harm.
 *
 * @param kernels one for all channels, or one for each in their order; taps with Σ w = 1, newest first
 * @param parts the losses over the training part and the held-out part: one for all channels, or one for each
 */
export function lossByChannel(
  channels: readonly string[],
  kernels: readonly { readonly taps: ArrayLike<number>; readonly bias: number }[],
  parts: readonly { readonly train: PartLoss; readonly heldOut: PartLoss | null }[],
): ChannelLoss[] {
  const newest = Float64Array.from(kernels[0]!.taps, (_, j) => (j === 0 ? 1 : 0));
  return channels.map((channel, c) => {
    const [{ train, heldOut }, at] = parts.length === 1 ? [parts[0]!, c] : [parts[c]!, 0];
    const { taps, bias } = kernels[c] ?? kernels[0]!;
    return {
      channel,
      train: lossOn(train, at, taps, bias),
      heldOut: heldOut && lossOn(heldOut, at, taps, bias),
      newest: lossOn(train, at, newest, 0),
    };
  });
}

function lossOn(loss: PartLoss, c: number, taps: ArrayLike<number>, bias: number): number | null {
  const { share, matrix, mean } = loss.channels[c]!;
  const divisor = loss.divisors[c];
  if (share === 0 || typeof divisor !== 'number') return null;
  const error = mean.reduce((total, value, j) => total + value * taps[j]!, 0);
  return (
    (lossOf({ taps: loss.taps, divisors: loss.divisors, matrix }, taps) + bias * (2 * error + bias)) / divisor
  );
}

/** Rounding to float32 may cost a kernel that is the newest sample alone so much. */
const rounding = 1e-6;

/** A warning for each channel on which the kernel is worse than no filter, as one that it shares may be. */
export function worseChannels(losses: readonly ChannelLoss[], perChannel: boolean): string[] {
  return losses.flatMap(({ channel, train, newest }) => {
    if (train === null || newest === null || train <= newest * (1 + rounding)) return [];
    const percent = (100 * (train / newest - 1)).toPrecision(2);
    return [
      `channel "${channel}": the kernel is worse than the newest sample alone, its squared error ${percent} % above that` +
        (perChannel ? '' : '; --per-channel gives each channel a kernel of its own'),
    ];
  });
}
