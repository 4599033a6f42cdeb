import { z } from 'zod';
import type { FrameValues } from '../dsp/frame.ts';
import { limits } from './limits.ts';
import { isPattern, isStreamName } from './names.ts';

/*
 * The schemas of all that clients send: the one source of their types and checks. The message of each schema is what
 * was expected, in words; `parseClientMessage` makes the sentence around it. Objects are strict: an unknown field is
 * a typing error somebody should hear of.
 */

function whole(from: number, below: number, what: string) {
  const expected = `${what}, a whole number from ${from} to ${below - 1}`;
  return z
    .int(expected)
    .min(from, expected)
    .max(below - 1, expected);
}

const id = whole(0, limits.seq, 'the number of this message');
const seq = whole(0, limits.seq, 'the number of a sample');
const slot = whole(0, limits.u32, 'a slot');
const timeRule = 'milliseconds since 1970, at most 8.64e15 either way';
const milliseconds = z.number(timeRule).min(-limits.time, timeRule).max(limits.time, timeRule);
const { least, most } = limits.period;
const periodRule = `milliseconds between rows, ${least} to ${most}`;
const period = z.number(periodRule).min(least, periodRule).max(most, periodRule);
const rateRule = `samples per second, ${1000 / most} to ${1000 / least}`;
const rate = z
  .number(rateRule)
  .min(1000 / most, rateRule)
  .max(1000 / least, rateRule);
const nameRule = 'a stream name: 1 to 8 parts of A-Z a-z 0-9 . _ - joined by /';
const streamName = z.string(nameRule).refine(isStreamName, nameRule);
const patternRule = 'a pattern: a stream name whose parts may be *, the last one **';
const streamPattern = z.string(patternRule).refine(isPattern, patternRule);
const epochRule = '16 hexadecimal digits (0-9, a-f)';
const epoch = z.string(epochRule).regex(/^[0-9a-f]{16}$/, epochRule);
const labelRule = 'a text of 1 to 128 characters without control characters';
const label = z.string(labelRule).regex(/^[^\p{Cc}\p{Cs}]{1,128}$/u, labelRule);

function distinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

const channel = z.strictObject(
  {
    name: label,
    unit: label.optional(),
    /** What was taken off every sample, so that float32 is fine enough. */
    offset: z.number('a finite number').default(0),
  },
  'an object {name, unit?, offset?}',
);

/** As long as a timer can wait (ms). */
const maxWait = 2 ** 31 - 1;
const waitRule = `milliseconds, 0 to ${maxWait}`;

const channelsRule = 'one or more channels';

const openSchema = z
  .strictObject({
    type: z.literal('open'),
    id,
    stream: streamName,
    channels: z
      .array(channel, channelsRule)
      .min(1, channelsRule)
      .refine((all) => distinct(all.map(({ name }) => name)), 'channels whose names all differ'),
    rate,
    producer: label.optional(),
    epoch: epoch.optional(),
    nextSeq: seq.optional(),
    takeover: z.boolean('true or false').optional(),
  })
  .refine((open) => open.nextSeq === undefined || open.epoch !== undefined, {
    path: ['epoch'],
    message: 'the epoch that nextSeq belongs to',
  });

/** `samples` without its `values`: those are checked in a loop of their own, straight into float32 planes. */
export const samplesHeadSchema = z.strictObject({
  type: z.literal('samples'),
  slot,
  seq: seq.optional(),
  time: milliseconds.optional(),
  period: period.optional(),
});

const fieldNames = ['trend', 'raw', 'coverage'] as const;
const patternsRule = `1 to ${limits.patterns} patterns`;
const channelNamesRule = `1 to ${limits.channels} different channel names`;
const fieldsRule = 'one or more of "trend", "raw", "coverage", each once';

const position = z.strictObject({ epoch, seq }, 'an object {epoch, seq}');

const start = z.union(
  [
    z.literal('live'),
    z.strictObject({ seconds: z.number('a number above 0').positive('a number above 0') }),
    z.strictObject({
      positions: z.record(streamName, position, 'an object {name: {epoch, seq}}'),
      others: z.enum(['live', 'oldest'], '"live" or "oldest"').default('live'),
    }),
  ],
  '"live", {"seconds": n} or {"positions": {name: {epoch, seq}}, "others"?}',
);

const subscribeSchema = z
  .strictObject({
    type: z.literal('subscribe'),
    id,
    streams: z.array(streamPattern, patternsRule).min(1, patternsRule).max(limits.patterns, patternsRule),
    channels: z
      .array(label, channelNamesRule)
      .min(1, channelNamesRule)
      .max(limits.channels, channelNamesRule)
      .refine(distinct, channelNamesRule)
      .optional(),
    fields: z
      .array(z.enum(fieldNames, '"trend", "raw" or "coverage"'), fieldsRule)
      .min(1, fieldsRule)
      .refine(distinct, fieldsRule)
      .default(['trend']),
    mode: z.enum(['lossless', 'latest'], '"lossless" or "latest"').default('lossless'),
    every: whole(1, limits.u32, 'a step between rows').default(1),
    minPeriod: z.number(waitRule).min(0, waitRule).max(maxWait, waitRule).optional(),
    start: start.default('live'),
  })
  .refine((subscribe) => subscribe.minPeriod === undefined || subscribe.mode === 'latest', {
    path: ['minPeriod'],
    message: 'no minPeriod in mode "lossless" (it belongs to mode "latest")',
  })
  .refine((subscribe) => subscribe.start === 'live' || subscribe.mode === 'lossless', {
    path: ['start'],
    message: '"live" in mode "latest" (only mode "lossless" replays)',
  });

/** Every client message but `samples`, by its type. */
export const controlSchemas = {
  auth: z.strictObject({
    type: z.literal('auth'),
    id,
    token: z.string('a text').min(1, 'a token').max(8192, 'a token of at most 8192 characters'),
  }),
  open: openSchema,
  close: z.strictObject({ type: z.literal('close'), id, slot }),
  subscribe: subscribeSchema,
  unsubscribe: z.strictObject({ type: z.literal('unsubscribe'), id, subscription: id }),
  streams: z.strictObject({ type: z.literal('streams'), id, pattern: streamPattern.optional() }),
  alive: z.strictObject({ type: z.literal('alive'), t: milliseconds, echo: milliseconds.optional() }),
} as const;

export type OpenMessage = z.output<typeof openSchema>;
export type SubscribeMessage = z.output<typeof subscribeSchema>;

export type Field = (typeof fieldNames)[number];

/** A frame of samples as it comes in, whatever the subprotocol. */
export interface SamplesMessage extends z.output<typeof samplesHeadSchema> {
  readonly rows: number;
  readonly channels: number;
  readonly values: FrameValues;
  /** How many of the missing came as numbers beyond float32. */
  readonly overflow: number;
}

/** All that may come from a client, defaults filled in. */
export type ClientMessage = z.output<(typeof controlSchemas)[keyof typeof controlSchemas]> | SamplesMessage;

/** Control messages as a client writes them: what has a default may be left out. */
export type ControlRequest = z.input<(typeof controlSchemas)[keyof typeof controlSchemas]>;
export type OpenRequest = z.input<typeof openSchema>;
export type SubscribeRequest = z.input<typeof subscribeSchema>;
