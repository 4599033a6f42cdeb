import { planeValues } from '../dsp/frame.ts';
import { type SamplesMessage, samplesHeadSchema } from './clientMessages.ts';
import { closeCodes } from './closeCodes.ts';
import { describeIssue, shown } from './describeIssue.ts';
import { limitNames, type MessageLimits, limits as protocolLimits } from './limits.ts';
import { WireError } from './wireError.ts';

/**
 * A `samples` message from its parsed JSON. Its few fields go through their schema; `values` through one tight loop,
 * because a schema would visit every number by function calls and build a second copy of them all.
 */
export function parseSamples(
  fields: Readonly<Record<string, unknown>>,
  limits: MessageLimits,
): SamplesMessage {
  const { values, ...rest } = fields;
  const { data: head, error } = samplesHeadSchema.safeParse(rest);
  if (error) {
    const { field, sentence } = describeIssue(error.issues[0]!, rest);
    throw refused(fields, 'badMessage', field, sentence);
  }
  const { rows, channels } = shape(fields, values, limits);
  const planes = new Float32Array(channels * rows);
  let overflow = 0;
  let at = 0;
  for (let c = 0; c < channels; c++) {
    const channel = (values as unknown[][])[c]!;
    for (let row = 0; row < rows; row++) {
      const value = channel[row];
      if (typeof value === 'number') {
        planes[at] = value;
        const stored = planes[at]!;
        // Infinite as a float32: what came was beyond it.
        if (stored - stored !== 0) {
          planes[at] = Number.NaN;
          overflow++;
        }
      } else if (value === null) {
        planes[at] = Number.NaN;
      } else {
        const field = `values[${c}][${row}]`;
        throw refused(
          fields,
          'badMessage',
          field,
          `${field}: expected a number or null, got ${shown(value)}`,
        );
      }
      at++;
    }
  }
  return { ...head, rows, channels, values: planeValues(planes, rows), overflow };
}

/** Every channel an array, all of one length. */
function shape(
  fields: Readonly<Record<string, unknown>>,
  values: unknown,
  limits: MessageLimits,
): { rows: number; channels: number } {
  if (!Array.isArray(values)) {
    throw refused(
      fields,
      'badMessage',
      'values',
      `values: expected one array per channel, got ${shown(values)}`,
    );
  }
  checkCount(fields, 'values', 'channels', values.length, limits.channels);
  const rows = Array.isArray(values[0]) ? values[0].length : 1;
  checkCount(fields, 'values[0]', 'rows', rows, limits.rows);
  for (const [c, channel] of values.entries()) {
    if (Array.isArray(channel) && channel.length === rows) continue;
    const field = `values[${c}]`;
    const expected = Array.isArray(channel)
      ? `${rows} rows as in values[0]`
      : 'an array of numbers and nulls';
    const code = Array.isArray(channel) ? 'frameSize' : 'badMessage';
    throw refused(fields, code, field, `${field}: expected ${expected}, got ${shown(channel)}`);
  }
  return { rows, channels: values.length };
}

function checkCount(
  fields: Readonly<Record<string, unknown>>,
  field: string,
  what: 'rows' | 'channels',
  count: number,
  most: number,
): void {
  if (count >= 1 && count <= most) return;
  const code = count === 0 ? 'frameSize' : 'limit';
  const named = count === 0 ? '' : ` (${limitNames[what]})`;
  throw refused(fields, code, field, `${field}: expected 1 to ${most} ${what}${named}, got ${count}`);
}

/** The slot goes with the error where it can be read; without one nobody could be answered and the connection ends. */
function refused(
  { slot }: Readonly<Record<string, unknown>>,
  code: 'badMessage' | 'limit' | 'frameSize',
  field: string,
  sentence: string,
): WireError {
  return new WireError(
    code,
    sentence,
    isSlot(slot) ? { slot, field } : { closeCode: closeCodes.badMessage, field },
  );
}

export function isSlot(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < protocolLimits.u32;
}
