import type { SlotInfo } from '../wire/serverMessages.ts';
import type { Position } from './positions.ts';

type Known = Readonly<Record<string, Position>>;

/** How a subscription goes on. */
export interface Resume {
  readonly positions: Known;
  /** A stream that began meanwhile is told from its first sample on, as it would have been. */
  readonly others: 'live' | 'oldest';
}

/** What a position takes in a message beside its name (bytes). */
const positionBytes = 64;
/** What the rest of a `subscribe` may take at most. */
const rest = 16 * 1024;

/**
 * Where to go on from. Positions for which a message has no room are left out; then nobody is replayed unasked, for the
 * daemon could not tell those streams from new ones, and `told` says what is lost.
 *
 * @param control the largest message that the daemon takes (bytes)
 */
export function resumeFrom(known: Known, control: number): Resume {
  const names = Object.keys(known);
  const room = Math.max(0, control - rest);
  let bytes = 0;
  const fit = names.filter((name) => {
    bytes += name.length + positionBytes;
    return bytes <= room;
  });
  if (fit.length === names.length) return { positions: known, others: 'oldest' };
  return { positions: Object.fromEntries(fit.map((name) => [name, known[name]!])), others: 'live' };
}

/** The same, but for streams that have another epoch now: those begin at the oldest sample held. */
export function withoutNewEpochs(
  { positions, others }: Resume,
  streams: readonly SlotInfo[],
): Resume | undefined {
  if (others === 'live') return undefined;
  const changed = new Set(
    streams.filter(({ lost }) => lost?.reason === 'epoch' && lost.toSeq > 0).map(({ name }) => name),
  );
  if (changed.size === 0) return undefined;
  return {
    positions: Object.fromEntries(Object.entries(positions).filter(([name]) => !changed.has(name))),
    others,
  };
}

/** The streams, each with what is lost of it where its position could not be asked for. */
export function told(streams: readonly SlotInfo[], known: Known, asked: Resume): SlotInfo[] {
  return streams.map((info) => {
    const { name, epoch, nextSeq, fromSeq = nextSeq } = info;
    if (info.recovered !== undefined || asked.positions[name]) return info;
    const before = known[name];
    if (!before && asked.others === 'oldest') return info;
    const lost =
      before?.epoch === epoch
        ? { fromSeq: before.seq, toSeq: fromSeq, reason: 'trimmed' as const }
        : { fromSeq: 0, toSeq: fromSeq, reason: 'epoch' as const };
    return { ...info, recovered: false, lost };
  });
}
