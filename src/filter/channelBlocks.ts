import { laneBlock } from '../model/encodePlan.ts';

/** Neighbouring channels that are kept and moved together: samples lie as `[row][width]`. */
export interface ChannelBlock {
  /** The first channel. */
  readonly first: number;
  /** 16, 8, 4, 2 or 1. */
  readonly width: number;
}

const known = new Map<number, readonly ChannelBlock[]>();

/**
 * Channels as blocks of 16 and what is left over as powers of two, so that blocks of many streams fill lanes without
 * waste: 9 channels are 8 and 1. The same array for the same number: it is shared by all streams.
 */
export function channelBlocks(channels: number): readonly ChannelBlock[] {
  let blocks = known.get(channels);
  if (blocks === undefined) {
    const made: ChannelBlock[] = [];
    let width = laneBlock;
    for (let first = 0; first < channels; first += width) {
      while (width > channels - first) width /= 2;
      made.push({ first, width });
    }
    blocks = made;
    known.set(channels, blocks);
  }
  return blocks;
}
