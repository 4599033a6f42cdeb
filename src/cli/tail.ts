import { Command, InvalidArgumentError, Option } from 'commander';
import type { FirtrendClient } from '../client/client.ts';
import type { SubscriptionEvent } from '../client/subscriptionEvent.ts';
import { FirtrendError, nearest } from '../dsp/error.ts';
import { float32Text } from '../wire/float32Text.ts';
import { isPattern, isStreamName } from '../wire/names.ts';
import type { SlotInfo, TrendFrame } from '../wire/serverMessages.ts';
import { connectTo, tokenOption } from './connectTo.ts';
import { examples, urlOption } from './options.ts';
import { note, print, printJson } from './output.ts';
import { digits } from './text.ts';

interface TailFlags {
  readonly url: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
  readonly mode: 'lossless' | 'latest';
  readonly from?: { readonly epoch: string; readonly seq: number };
}

/** `firtrend tail`: follows trends in the terminal, a line a row, until the daemon or the user ends it. */
export function tailCommand(): Command {
  return new Command('tail')
    .description('follow trends in the terminal')
    .argument('<pattern>', "a stream, or a pattern: 'site/*/temp', '**'", pattern)
    .addOption(urlOption())
    .addOption(tokenOption())
    .option('--json', 'print a JSON document a line')
    .addOption(
      new Option('--mode <mode>', 'every row, or the newest')
        .choices(['lossless', 'latest'])
        .default('lossless'),
    )
    .option('--from <epoch:seq>', 'begin at this position of the stream', position)
    .addHelpText(
      'after',
      examples("firtrend tail '**'", 'firtrend tail gait --json --from 75b9cba8babd862c:640'),
    )
    .action(async (wanted: string, { url, tokenFile, json, mode, from }: TailFlags) => {
      if (from && !isStreamName(wanted)) {
        throw new FirtrendError('usage', `--from: expected one stream, not a pattern, got ${wanted}`);
      }
      if (from && mode === 'latest')
        throw new FirtrendError('usage', '--from: expected --mode lossless, got latest');
      const client = await connectTo(url, tokenFile);
      try {
        const start = from && { start: { positions: { [wanted]: from } } };
        const fields = ['trend', 'raw', 'coverage'] as const;
        const subscription = await client.subscribe({ streams: wanted, mode, fields: [...fields], ...start });
        const shown = new Map<number, SlotInfo>();
        for await (const event of subscription) {
          if (event.type === 'subscribed' || event.type === 'added')
            for (const s of event.streams) shown.set(s.slot, s);
          if (event.type === 'subscribed' && event.streams.length === 0) await tellWaiting(client, wanted);
          if (json) printJson(plain(event));
          else show(event, shown);
        }
        const why = await client.closed;
        if (why) throw why;
      } finally {
        await client.close();
      }
    });
}

function pattern(text: string): string {
  if (isPattern(text)) return text;
  throw new InvalidArgumentError('Expected a stream name, whose parts may be *, the last one **.');
}

function position(text: string): { epoch: string; seq: number } {
  const match = /^([0-9a-f]{16}):(\d{1,15})$/.exec(text);
  if (match) return { epoch: match[1]!, seq: Number(match[2]) };
  throw new InvalidArgumentError('Expected EPOCH:SEQ, 16 hexadecimal digits and the number of a sample.');
}

/** A stream may come later; a name that is misspelt never does. */
async function tellWaiting(client: FirtrendClient, wanted: string): Promise<void> {
  const known = (await client.streams()).map(({ name }) => name);
  const near = isStreamName(wanted) ? nearest(wanted, known) : [];
  const hint = near.length > 0 ? ` (did you mean ${near.join(' or ')}?)` : '';
  note(`${wanted}: there is no such stream yet, waiting for it${hint}; Ctrl-C ends`);
}

/** Planes as rows of channels, missing as null: what scripts expect. */
function plain(event: SubscriptionEvent): unknown {
  if (event.type !== 'trend') return event;
  const { trend, raw, coverage, ...rest } = event;
  const lists = (planes: Float32Array | undefined): unknown =>
    planes &&
    Array.from({ length: event.channels }, (_, c) =>
      Array.from(planes.subarray(c * event.rows, (c + 1) * event.rows), (value) =>
        Number.isNaN(value) ? null : shortest(value),
      ),
    );
  return { ...rest, trend: lists(trend), raw: lists(raw), coverage: lists(coverage) };
}

/** The double whose shortest text is that of the float32. */
function shortest(value: number): number {
  return Number(float32Text(value));
}

function show(event: SubscriptionEvent, streams: ReadonlyMap<number, SlotInfo>): void {
  switch (event.type) {
    // It does not reconnect: the end of the connection is the end of the command.
    case 'disconnected':
      note(`disconnected: ${event.error.message}`);
      return;
    case 'subscribed':
    case 'resumed':
    case 'added':
      for (const {
        name,
        channels,
        rate,
        epoch,
        nextSeq,
        model,
        version,
        reason,
        lag,
        lost,
        recovered,
      } of event.streams) {
        const kernel =
          model === null ? `raw only (${reason})` : `${model}@${version}, lag ${digits(lag ?? 0)} samples`;
        note(`${name}: ${channels.length} channels at ${rate} Hz, ${kernel}, position ${epoch}:${nextSeq}`);
        if (lost) note(`${name}: samples ${lost.fromSeq} to ${lost.toSeq - 1} are lost (${lost.reason})`);
        else if (recovered === false) note(`${name}: the position could not be resumed`);
      }
      return;
    case 'trend':
      rows(event, streams.get(event.slot));
      return;
    case 'gap':
      note(`${event.name}: samples ${event.fromSeq} to ${event.toSeq - 1} are missing (${event.reason})`);
      return;
    case 'kernel':
      for (const { name, seq } of event.changes)
        note(`${name}: ${event.model ?? 'no kernel'} from sample ${seq} on`);
      return;
    case 'removed':
      for (const { name } of event.streams) note(`${name}: ended (${event.reason})`);
      return;
    case 'refused':
      note(`refused: ${event.error.message}`);
      return;
    case 'stale':
      for (const { name } of event.streams) note(`${name}: silent`);
      return;
    case 'live':
      note(`${event.name}: live from sample ${event.seq} on`);
      return;
  }
}

function rows(frame: TrendFrame & { readonly name: string }, stream: SlotInfo | undefined): void {
  const planes = frame.trend ?? frame.raw;
  if (!planes) return;
  for (let row = 0; row < frame.rows; row++) {
    const time = new Date(frame.time + row * frame.period).toISOString();
    const values = Array.from({ length: frame.channels }, (_, c) => {
      const value = planes[c * frame.rows + row]!;
      const { name = c, offset = 0 } = stream?.channels[c] ?? {};
      // What the offset makes room for must be seen: float32 has seven digits, and now they begin further right.
      const shown = digits(offset + value, offset === 0 ? 6 : 10);
      return `${name}=${Number.isNaN(value) ? 'missing' : shown}`;
    });
    const raw = frame.trend ? '' : ' raw';
    print(`${time} ${frame.name}${raw} ${frame.seq + row * (frame.stride ?? 1)} ${values.join(' ')}`);
  }
}
