import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { memoryLog } from '../../src/log/memoryLog.ts';
import type { SampleLog } from '../../src/log/sampleLog.ts';
import { testTaps } from '../support/daemon.ts';
import { inProcessDaemon, readFrames, type Wire } from '../support/inProcess.ts';
import { repositoryWith } from '../support/models.ts';
import type { RawMessage } from '../support/rawClient.ts';

/*
 * The daemon is stopped at every point there is: at both edges of every commit, and before every message that it sends.
 * The log is what is left. Whatever the producer does then, nobody holds two values for one (epoch, seq), or one that the
 * log lacks.
 */

const rowsOfFrame = 3;
const frames = 9;
/** What the producer does with what was not acknowledged. */
const fates = ['same', 'other', 'never'] as const;
type Fate = (typeof fates)[number];

/** What goes on until the daemon stops. */
interface Life {
  /** Called wherever the daemon may stop. @returns whether it has */
  point(): boolean;
  readonly dead: boolean;
  readonly points: number;
}

function lifeUntil(target: number): Life {
  let points = 0;
  let dead = false;
  return {
    point() {
      if (!dead && points++ === target) dead = true;
      return dead;
    },
    get dead() {
      return dead;
    },
    get points() {
      return points;
    },
  };
}

/** The log as a daemon has it in one life: what it does not live to see may have happened, or not. */
function logOf(log: SampleLog, life: Life): SampleLog {
  const stopped = (): void => {
    if (life.point()) throw new Error('stopped');
  };
  return {
    durability: log.durability,
    bytes: 0,
    async commit(batch) {
      stopped();
      // Whatever is sent meanwhile is sent before the commit.
      for (let turn = 0; turn < 5; turn++) await setImmediate();
      if (life.dead) throw new Error('stopped');
      const position = await log.commit(batch);
      stopped();
      return position;
    },
    read: (stream, fromSeq, toSeq) => log.read(stream, fromSeq, toSeq),
    head: (stream) => log.head(stream),
    streams: () => log.streams(),
    trim: async () => undefined,
    close: async () => undefined,
  };
}

interface Client {
  send(message: object): void;
  /** The first message from now or before that fits; undefined when the daemon has stopped. */
  until(fits: (message: RawMessage) => boolean): Promise<RawMessage | undefined>;
}

/** A masked text frame with a mask of zeros. */
function textFrame(message: object): Buffer {
  const payload = Buffer.from(JSON.stringify(message));
  const head = payload.length < 126 ? Buffer.alloc(6) : Buffer.alloc(8);
  head[0] = 0x81;
  head[1] = 0x80 | (payload.length < 126 ? payload.length : 126);
  if (payload.length >= 126) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

function clientOf(
  connect: (sent: (bytes: Buffer) => void) => Wire,
  life: Life,
  heard: (message: RawMessage) => void,
): Client {
  const messages: RawMessage[] = [];
  const wire = connect((bytes) =>
    readFrames(bytes, (opcode, payload) => {
      if (opcode !== 1 || life.point()) return;
      const message = JSON.parse(payload.toString()) as RawMessage;
      messages.push(message);
      heard(message);
    }),
  );
  return {
    send: (message) => wire.write(textFrame(message)),
    async until(fits) {
      for (const deadline = Date.now() + 5000; !life.dead; ) {
        const found = messages.find(fits);
        if (found) return found;
        if (Date.now() > deadline)
          throw new Error(`not within 5 s; last: ${JSON.stringify(messages.slice(-3))}`);
        await setImmediate();
      }
      return undefined;
    },
  };
}

/** One stream, from its producer's and from its subscriber's side, through both lives. */
class Story {
  readonly log = memoryLog();
  readonly fate: Fate;
  epoch: string | undefined;
  acked = 0;
  /** What was sent last, by seq. */
  readonly sent = new Map<number, number>();
  /** What the subscriber was told, by `epoch:seq`. */
  readonly told = new Map<string, string>();
  position: { epoch: string; seq: number } | undefined;
  readonly wrong: string[] = [];
  private serial = 0;

  constructor(fate: Fate) {
    this.fate = fate;
  }

  /** @returns whether the daemon has lived through it */
  async live(models: string, life: Life): Promise<boolean> {
    const failed = (error: unknown): void => {
      if (!life.dead) this.wrong.push(String(error));
    };
    const daemon = await inProcessDaemon({ models, model: 'test', log: logOf(this.log, life) }, failed);
    const connect = (heard: (message: RawMessage) => void): Client =>
      clientOf((sent) => daemon.connect('firtrend.v1.json', sent), life, heard);
    let slot: { epoch: string } | undefined;
    const subscriber = connect((message) => {
      if (message.type === 'subscribed' || message.type === 'added') slot = message.streams[0] ?? slot;
      if (message.type === 'subscribed' && this.position && message.streams[0].recovered !== true)
        this.wrong.push(`not recovered: ${JSON.stringify(message)}`);
      if (message.type === 'trend') this.take(slot!.epoch, message);
      if (message.type === 'gap') this.position = { epoch: slot!.epoch, seq: message.toSeq };
    });
    const start = this.position ? { positions: { s: this.position } } : { positions: {}, others: 'oldest' };
    subscriber.send({
      type: 'subscribe',
      id: 1,
      streams: ['s'],
      fields: ['trend', 'raw', 'coverage'],
      start,
    });
    await subscriber.until(({ type }) => type === 'subscribed');
    await this.produce(connect((message) => this.hear(message)));
    await subscriber.until(
      () => this.position !== undefined && this.position.seq === this.log.head('s')?.nextSeq,
    );
    const lived = !life.dead;
    await daemon.close();
    return lived;
  }

  private hear(message: RawMessage): void {
    if (message.type === 'ack') this.acked = Math.max(this.acked, message.nextSeq);
    if (message.type !== 'opened') return;
    if (this.epoch !== undefined && message.epoch !== this.epoch) this.wrong.push('another epoch');
    if (message.nextSeq < this.acked) this.wrong.push(`acked ${this.acked}, held ${message.nextSeq}`);
    this.epoch = message.epoch;
  }

  private take(epoch: string, { seq, trend, raw, coverage }: RawMessage): void {
    raw[0].forEach((value: number, i: number) => {
      const key = `${epoch}:${seq + i}`;
      const text = JSON.stringify([value, trend[0][i], coverage?.[0][i] ?? 1]);
      if (this.told.has(key)) this.wrong.push(`${key} told twice: ${this.told.get(key)}, ${text}`);
      this.told.set(key, text);
    });
    if (this.position && this.position.seq !== seq)
      this.wrong.push(`${seq} where ${this.position.seq} was next`);
    this.position = { epoch, seq: seq + raw[0].length };
  }

  private async produce(client: Client): Promise<void> {
    const open = { type: 'open', id: 1, stream: 's', channels: [{ name: 'x' }], rate: 50, producer: 'p' };
    client.send({ ...open, ...(this.epoch !== undefined && { epoch: this.epoch, nextSeq: this.acked }) });
    const opened = await client.until(({ type }) => type === 'opened');
    if (!opened) return;
    const unsure = Math.max(opened.nextSeq as number, ...[...this.sent.keys()].map((seq) => seq + 1));
    let seq = this.fate === 'never' ? unsure : (opened.nextSeq as number);
    const end = seq + rowsOfFrame * frames;
    for (let frame = 0; seq < end; frame++, seq += rowsOfFrame) {
      const values = Array.from({ length: rowsOfFrame }, (_, i) => {
        const known = this.fate === 'same' ? this.sent.get(seq + i) : undefined;
        const value = known ?? ++this.serial;
        this.sent.set(seq + i, value);
        return value;
      });
      client.send({ type: 'samples', slot: opened.slot, seq, time: 1e12 + 20 * seq, values: [values] });
      // Now one by one, now several in one batch.
      const next = seq + rowsOfFrame;
      if (frame % 3 === 2) await client.until((m) => m.type === 'ack' && m.nextSeq === next);
    }
    await client.until((m) => m.type === 'ack' && m.nextSeq === end);
  }

  /** What the log holds, and what a subscriber is told of it who comes when all is over. */
  async end(models: string): Promise<void> {
    const held = new Map<number, number>();
    for await (const record of this.log.read('s', 0, Number.MAX_SAFE_INTEGER)) {
      if (record.type === 'samples')
        record.planes.forEach((value, i) => void held.set(record.seq + i, value));
    }
    expect(held.size).toBeGreaterThanOrEqual(rowsOfFrame * frames);
    const raw = (text: string): number => JSON.parse(text)[0] as number;
    expect(new Map([...this.told].map(([key, text]) => [Number(key.split(':')[1]), raw(text)]))).toEqual(
      held,
    );
    const late = new Story(this.fate);
    const life = lifeUntil(-1);
    const daemon = await inProcessDaemon({ models, model: 'test', log: logOf(this.log, life) }, (error) =>
      this.wrong.push(String(error)),
    );
    const client = clientOf(
      (sent) => daemon.connect('firtrend.v1.json', sent),
      life,
      (message) => {
        if (message.type === 'trend') late.take(this.epoch!, message);
        if (message.type === 'gap') late.position = { epoch: this.epoch!, seq: message.toSeq };
      },
    );
    const fields = ['trend', 'raw', 'coverage'];
    client.send({
      type: 'subscribe',
      id: 1,
      streams: ['s'],
      fields,
      start: { positions: {}, others: 'oldest' },
    });
    await client.until(({ type }) => type === 'live');
    await daemon.close();
    expect([...late.told].sort()).toEqual([...this.told].sort());
    expect([...this.wrong, ...late.wrong]).toEqual([]);
  }
}

describe.each(fates)('the producer sends again: %s', (fate) => {
  test('stopped at every point, and once more at one of them', async () => {
    const models = await repositoryWith(testTaps);
    let stops = 0;
    for (let target = 0; ; target++) {
      const story = new Story(fate);
      const stopped = !(await story.live(models, lifeUntil(target)));
      if (!stopped) break;
      stops++;
      // The second life ends somewhere too, the third does not.
      await story.live(models, lifeUntil(randomBytes(1)[0]! % 24));
      expect(await story.live(models, lifeUntil(-1)), `point ${target}`).toBe(true);
      await story.end(models);
    }
    // Each commit has two edges, each frame an acknowledgement and a trend.
    expect(stops).toBeGreaterThan(20);
    process.stdout.write(`stopped at ${stops} points, ${fate}\n`);
  });
});
