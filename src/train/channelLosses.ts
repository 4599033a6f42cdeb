import type { Problem } from './problems.ts';

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
 * @param problems one for all channels, or one for each
 */
export function lossByChannel(
  channels: readonly string[],
  kernels: readonly { readonly taps: Float64Array; readonly bias: number }[],
  problems: readonly Problem[],
): ChannelLoss[] {
  const own = (c: number) => kernels[c] ?? kernels[0]!;
  const newest = Float64Array.from(kernels[0]!.taps, (_, j) => (j === 0 ? 1 : 0));
  const losses = problems.flatMap(({ objective, heldOut }, i) => {
    const served = problems.length === 1 ? channels.map((_, c) => c) : [i];
    const kernel = { taps: own(i).taps, biases: served.map((c) => own(c).bias) };
    const train = objective.byChannel(kernel);
    const judged = heldOut?.byChannel(kernel);
    const alone = objective.byChannel({ taps: newest, biases: served.map(() => 0) });
    return served.map((_, c) => ({ train: train[c]!, heldOut: judged?.[c] ?? null, newest: alone[c]! }));
  });
  return channels.map((channel, c) => ({ channel, ...losses[c]! }));
}

/** Rounding to float32 may cost a kernel that is the newest sample alone so much. */
const rounding = 1e-6;

/** A warning for each channel on which the kernel is worse than no filter, as one that it shares may be. */
export function worseChannels(losses: readonly ChannelLoss[], perChannel: boolean): string[] {
  return losses.flatMap(({ channel, train, newest }) => {
    if (train === null || newest === null || train <= newest * (1 + rounding)) return [];
    const percent = (100 * (train / newest - 1)).toPrecision(2);
    return [
      `channel "${channel}": the kernel is worse than the newest sample alone, its loss ${percent} % above that` +
        (perChannel ? '' : '; --per-channel gives each channel a kernel of its own'),
    ];
  });
}
