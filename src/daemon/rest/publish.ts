import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { ChannelInfo } from '../../log/sampleLog.ts';
import { controlSchemas, samplesHeadSchema } from '../../wire/clientMessages.ts';
import { describeIssue } from '../../wire/describeIssue.ts';
import { parseSamples } from '../../wire/parseSamples.ts';
import { WireError } from '../../wire/wireError.ts';
import { HttpError } from '../http/answer.ts';
import { jsonBody } from '../http/body.ts';
import type { Reply, StreamEvent } from '../ingest/step.ts';
import { logFullError } from '../logFullError.ts';
import type { StreamPorts } from './streamRoutes.ts';

type PublishPorts = Omit<StreamPorts, 'hub' | 'history' | 'audit'>;

const { channels, rate, producer, epoch, takeover } = controlSchemas.open.shape;
const { seq, time, period } = samplesHeadSchema.shape;
const values = z.unknown();

/** What `open` and `samples` say, in one body; a stream that there is need not be described again. */
const bodySchema = z.strictObject({
  channels: channels.optional(),
  rate: rate.optional(),
  producer,
  epoch,
  takeover,
  seq,
  time,
  period,
  values,
});

/** @returns once the samples are committed; `nextSeq` is behind them */
export async function publishSamples(
  name: string,
  request: IncomingMessage,
  ports: PublishPorts,
): Promise<{ readonly epoch: string; readonly nextSeq: number }> {
  const { limits } = ports;
  const fields = await jsonBody(request, { bytes: limits.messageBytes, depth: limits.jsonDepth });
  mustTakeSamples(ports);
  const { data: body, error } = bodySchema.safeParse(fields);
  if (!body) {
    const { field, sentence } = describeIssue(error.issues[0]!, fields);
    throw new HttpError(400, 'badMessage', sentence, { field });
  }
  const life = lifeOf(name, body, ports);
  const frame = parseSamples(
    { type: 'samples', slot: 0, values: body.values, seq: body.seq, time: body.time, period: body.period },
    { ...limits, message: limits.messageBytes, control: limits.controlBytes, depth: limits.jsonDepth },
  );
  if (frame.channels !== life.channels.length) {
    const text = `values: expected ${life.channels.length} channels, got ${frame.channels}`;
    throw new WireError('frameSize', text, { field: 'values' });
  }
  if (frame.overflow > 0) ports.overflow(frame.overflow);
  const filter = ports.choose(
    name,
    life.channels.map((channel) => channel.name),
    life.rate,
  );
  const replies = await exchange(name, ports, (by) => [
    {
      ...{ type: 'open', by, id: 0, ...life, freshEpoch: ports.freshEpoch(), filter },
      ...{ producer: body.producer, epoch: body.epoch, takeover: body.takeover },
    },
    {
      ...{ type: 'samples', by, receivedAt: Date.now(), bytes: 0 },
      ...{ rows: frame.rows, channels: frame.channels, values: frame.values },
      ...{ seq: body.seq, time: body.time, period: body.period },
    },
    { type: 'close', by, id: 1 },
  ]);
  const refusal = replies.find((reply) => reply.type === 'error');
  if (refusal) throw new WireError(refusal.code, refusal.message, { field: refusal.field });
  const opened = replies.find((reply) => reply.type === 'opened');
  const ack = replies.find((reply) => reply.type === 'ack');
  // Another producer may have taken the stream over in between.
  if (!opened || !ack)
    throw new WireError('streamBusy', `stream: ${name} was taken over`, { field: 'stream' });
  return { epoch: opened.epoch, nextSeq: ack.nextSeq };
}

/** @returns whether there was such a stream; resolves once it is gone for good */
export async function deleteStream(name: string, ports: PublishPorts): Promise<boolean> {
  mustTakeSamples(ports);
  const replies = await exchange(name, ports, (by) => [{ type: 'delete', by, id: 0 }]);
  return replies.some((reply) => reply.type === 'deleted' && reply.existed);
}

function mustTakeSamples({ open, logFull }: PublishPorts): void {
  if (logFull()) throw logFullError({});
  if (open()) return;
  throw new HttpError(503, 'draining', 'the daemon is closing', { headers: { 'retry-after': '1' } });
}

/** Channels and rate as the body has them, else as the stream has them. */
function lifeOf(
  name: string,
  body: z.output<typeof bodySchema>,
  { log, limits }: PublishPorts,
): { readonly channels: readonly ChannelInfo[]; readonly rate: number } {
  const head = log.head(name);
  const life = { channels: body.channels ?? head?.channels, rate: body.rate ?? head?.rate };
  for (const field of ['channels', 'rate'] as const) {
    if (life[field] !== undefined) continue;
    throw new HttpError(400, 'badMessage', `${field}: expected it, for ${name} is new, got nothing`, {
      field,
    });
  }
  if (life.channels!.length > limits.channels) {
    const text = `channels: expected at most ${limits.channels} (limits.channels), got ${life.channels!.length}`;
    throw new WireError('limit', text, { field: 'channels' });
  }
  return { channels: life.channels!, rate: life.rate! };
}

/** Hands events to a stream, one behind the other, and gathers the answers until that to the last has come. */
async function exchange(
  stream: string,
  { clients, ingest }: PublishPorts,
  eventsBy: (by: { readonly connection: number; readonly slot: 0 }) => readonly StreamEvent[],
): Promise<readonly Reply[]> {
  const replies: Reply[] = [];
  return new Promise((resolve) => {
    const { number, leave } = clients.join({
      reply(reply) {
        replies.push(reply);
        const last = reply.type === 'deleted' || (reply.type === 'closed' && reply.id !== undefined);
        if (!last) return;
        leave();
        resolve(replies);
      },
    });
    for (const event of eventsBy({ connection: number, slot: 0 })) ingest({ stream, event });
  });
}
