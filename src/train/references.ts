import { FirtrendError } from '../dsp/error.ts';
import { type AnyRecording, asStored, type StoredRecording } from './recording.ts';
import { mapped, type Samples } from './samples.ts';
import type { Target } from './targets.ts';

/** A recording with what each channel is to say, from other columns of it. */
export interface Supervised extends StoredRecording {
  /** Per channel `length` targets by seq, less the channel's own offset; NaN is missing. Of the target `column` alone. */
  readonly references?: readonly Samples[];
}

/**
 * The columns to read for a target: those asked for and its own; undefined for all numeric ones.
 *
 * @param columns asked for, or undefined
 */
export function columnsFor(target: Target, columns?: readonly string[]): string[] | undefined {
  const { references, channels } = referenceColumns(target);
  const inputs = columns ?? channels;
  return inputs === null ? undefined : [...new Set([...inputs, ...references])];
}

/** The columns that a target reads, and the channels that it names; null: all other columns. */
function referenceColumns(target: Target): {
  readonly references: readonly string[];
  readonly channels: readonly string[] | null;
} {
  if (target.kind !== 'column') return { references: [], channels: null };
  const { pairs } = target;
  const channels = pairs.flatMap(({ channel }) => channel ?? []);
  return { references: pairs.map(({ column }) => column), channels: channels.length > 0 ? channels : null };
}

/**
 * Splits columns into channels and the targets of `column:NAME` (all columns but NAME learn to say it; NAME itself where
 * it is the only one) or `column:A=REF_A,B=REF_B` (A and B learn). Recordings for other targets are returned as they are.
 *
 * @param recordings with the same channels in the same order
 * @throws FirtrendError `target` where a named column is not among the channels read
 */
export function withReferences(given: readonly AnyRecording[], target: Target): readonly Supervised[] {
  const recordings = given.map(asStored);
  if (target.kind !== 'column') return recordings;
  const { references: columns, channels: named } = referenceColumns(target);
  return recordings.map((recording) => {
    const index = (name: string): number => {
      const c = recording.channels.indexOf(name);
      if (c >= 0) return c;
      throw new FirtrendError(
        'target',
        `target: expected a column of numbers called "${name}" in ${recording.path}, ` +
          `got ${recording.channels.join(', ')}`,
      );
    };
    const others = recording.channels.filter((name) => !columns.includes(name));
    const channels = named ?? (others.length > 0 ? others : columns);
    const taken = channels.map(index);
    const pick = <T>(values: readonly T[]) => taken.map((c) => values[c]!);
    const references = taken.map((c, i) => {
      const r = index(columns[named === null ? 0 : i]!);
      // What the channel's level was moved by, its target is moved by.
      const level = recording.offsets[r]! - recording.offsets[c]!;
      const column = recording.samples[r]!;
      return level === 0 ? column : mapped(column, (value) => value + level);
    });
    return {
      ...recording,
      channels,
      samples: pick(recording.samples),
      offsets: pick(recording.offsets),
      overflow: pick(recording.overflow),
      references,
    };
  });
}
