import type { z } from 'zod';
import { type ClientMessage, controlSchemas } from './clientMessages.ts';
import { closeCodes } from './closeCodes.ts';
import type { WireData } from './codec.ts';
import { describeIssue, shown } from './describeIssue.ts';
import { isShallow } from './jsonDepth.ts';
import { limitNames, type MessageLimits } from './limits.ts';
import { isSlot, parseSamples } from './parseSamples.ts';
import { WireError, type WireErrorDetail } from './wireError.ts';

type Fields = Readonly<Record<string, unknown>>;
type ControlType = keyof typeof controlSchemas;

const types = ['samples', ...Object.keys(controlSchemas)];

/**
 * Reads one message of `firtrend.v1.json` and checks all of it, once. Throws `WireError`: with `id` (or `slot`, for
 * samples) where an `error` can answer it, else with `closeCode`. Ids must grow: that is for the connection to check,
 * also for an error with an id.
 */
export function parseClientMessage(data: WireData, limits: MessageLimits): ClientMessage {
  if (typeof data !== 'string') {
    throw unanswerable(`message: expected text (firtrend.v1.json), got ${data.byteLength} bytes of binary`);
  }
  const fields = parseObject(data, limits);
  return fields.type === 'samples' ? parseSamples(fields, limits) : parseControl(fields, data, limits);
}

/** The same for a text message of `firtrend.v1.bin`, where samples are binary. */
export function parseControlMessage(text: string, limits: MessageLimits): ClientMessage {
  const fields = parseObject(text, limits);
  if (fields.type !== 'samples') return parseControl(fields, text, limits);
  const { slot } = fields;
  const detail = isSlot(slot) ? { slot } : { closeCode: closeCodes.badMessage };
  throw new WireError('badMessage', 'type: expected samples as a binary frame (firtrend.v1.bin), got text', {
    ...detail,
    field: 'type',
  });
}

function parseControl(fields: Fields, text: string, limits: MessageLimits): ClientMessage {
  const { type } = fields;
  if (typeof type !== 'string' || !Object.hasOwn(controlSchemas, type)) {
    throw refused(
      fields,
      'badMessage',
      `type: expected one of ${types.join(', ')}, got ${shown(type)}`,
      'type',
    );
  }
  checkSize('control', text, fields, limits);
  const schema: z.ZodType<ClientMessage> = controlSchemas[type as ControlType];
  const { data: message, error } = schema.safeParse(fields);
  if (message) return message;
  const { field, sentence } = describeIssue(error!.issues[0]!, fields);
  throw refused(fields, 'badMessage', sentence, field);
}

function parseObject(text: string, limits: MessageLimits): Fields {
  checkSize('message', text, {}, limits);
  if (!isShallow(text, limits.depth)) {
    throw unanswerable(
      `message: expected JSON nested at most ${limits.depth} deep (${limitNames.depth}), got deeper`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // V8's own message quotes the text, which may hold a token: it must reach neither a log nor a close reason.
    throw unanswerable(`message: expected one JSON object, got ${text.length} characters that are not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unanswerable(`message: expected one JSON object, got ${shown(value)}`);
  }
  return value as Fields;
}

/** UTF-8 has one to three bytes for each unit of a JavaScript string: only in between must they be counted. */
function checkSize(kind: 'message' | 'control', text: string, fields: Fields, limits: MessageLimits): void {
  const most = limits[kind];
  if (text.length * 3 <= most) return;
  const bytes = text.length > most ? text.length : new TextEncoder().encode(text).byteLength;
  if (bytes <= most) return;
  const what = kind === 'control' ? 'a message that is not samples' : 'a message';
  const sentence = `message: expected at most ${most} bytes for ${what} (${limitNames[kind]}), got ${bytes} or more`;
  throw refused(fields, 'limit', sentence, 'message');
}

function unanswerable(sentence: string): WireError {
  return refused({}, 'badMessage', sentence);
}

/** The id of the message goes with the error where it can be read; without one the connection must end. */
function refused(fields: Fields, code: 'badMessage' | 'limit', sentence: string, field?: string): WireError {
  const { id } = fields;
  const answerable = typeof id === 'number' && Number.isSafeInteger(id) && id >= 0 && fields.type !== 'alive';
  const detail: WireErrorDetail = answerable ? { id, field } : { closeCode: closeCodes[code], field };
  return new WireError(code, sentence, detail);
}
