import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect, type FirtrendClient, type Producer, slotClock } from '../../src/client/client.ts';
import { integer, randomFrom } from '../filter/support.ts';
import { seed } from '../support/counts.ts';
import { type FakeServer, fakeServer, type Peer } from './fakeServer.ts';

const rate = 64;
const period = 1000 / rate;
let server: FakeServer;
let client: FirtrendClient;
let peer: Peer;

beforeEach(async () => {
  server = await fakeServer();
  const accepted = server.accept();
  client = await connect(server.url);
  peer = await accepted;
});

afterEach(async () => {
  await client.close();
  await server.close();
});

async function opened(nextSeq = 0): Promise<Producer> {
  const opening = client.open({ stream: 's', channels: [{ name: 'x' }, { name: 'y' }], rate });
  const { id } = await peer.next();
  peer.send({ type: 'opened', id, slot: 5, epoch: '00000000000000aa', nextSeq, window: 1e9 });
  return await opening;
}

/** What came of it, by number: channel y carries the number of the source, channel x its negative. */
async function received(rows: number): Promise<Map<number, { value: number; time: unknown }>> {
  const seen = new Map<number, { value: number; time: unknown }>();
  while (seen.size < rows) {
    const { seq, time, values } = (await peer.next()) as unknown as {
      seq: number;
      time: number;
      values: [number[], number[]];
    };
    values[0].forEach((x, i) => {
      expect(x + values[1][i]!).toBe(0);
      seen.set(seq + i, { value: values[1][i]!, time: i === 0 ? time : undefined });
    });
  }
  return seen;
}

/** Sends samples of these numbers with these times, in frames of any size. */
async function sendAll(producer: Producer, numbers: readonly number[], times: readonly number[]) {
  const random = randomFrom(seed);
  for (let from = 0; from < numbers.length; ) {
    const to = Math.min(numbers.length, from + integer(random, 1, 40));
    const part = numbers.slice(from, to);
    await producer.send({ times: times.slice(from, to), values: [part.map((n) => -n), part] });
    from = to;
  }
}

test(`each of 40 single losses of a source with 300 ppm of drift is a gap of one (seed ${seed})`, async () => {
  const producer = await opened(1000);
  const lost = new Set(Array.from({ length: 40 }, (_, i) => 50 + i * 97));
  const kept = Array.from({ length: 4000 }, (_, n) => n).filter((n) => !lost.has(n));
  const times = kept.map((n) => 1.7e12 + n * period * (1 + 300e-6));
  await sendAll(producer, kept, times);
  const seen = await received(kept.length);
  expect([...seen.keys()]).toEqual(kept.map((n) => 1000 + n));
  for (const [seq, { value, time }] of seen) {
    expect(value).toBe(seq - 1000);
    if (time !== undefined) expect(time).toBe(times[kept.indexOf(value)]);
  }
  expect(producer.nextSeq).toBe(5000);
});

test('stamps rounded to 10 ms, a fifth of a period of jitter and samples late together are no losses', async () => {
  const random = randomFrom(seed);
  const producer = await opened();
  const numbers = Array.from({ length: 2000 }, (_, n) => n);
  const times = numbers.map((n) => Math.round((n * period + 0.2 * period * random()) / 10) * 10);
  await sendAll(producer, numbers, times);
  expect([...(await received(numbers.length)).keys()]).toEqual(numbers);
});

test('a clock set back is refused whole, named, and changes nothing', async () => {
  const producer = await opened();
  const frame = (n: number, times: number[]) =>
    producer.send({ times, values: [times.map((_, i) => -(n + i)), times.map((_, i) => n + i)] });
  await frame(0, [0, period, 2 * period]);
  await expect(frame(3, [3 * period, 4 * period, -3_600_000])).rejects.toMatchObject({
    code: 'timeBackwards',
    field: 'times[2]',
    message: expect.stringMatching(/^times\[2\]: expected about .* got -3600000: time runs backwards$/),
  });
  await expect(frame(3, [3 * period, Number.NaN])).rejects.toMatchObject({
    code: 'timeValue',
    field: 'times[1]',
  });
  await frame(3, [3 * period, 4 * period]);
  expect([...(await received(5)).keys()]).toEqual([0, 1, 2, 3, 4]);
});

test('times are for all frames of a producer or for none, and one for each row', async () => {
  const timed = await opened();
  await timed.send({ times: [0], values: [[0], [0]] });
  await expect(timed.send({ values: [[1], [1]] })).rejects.toMatchObject({
    code: 'badMessage',
    field: 'times',
  });
  await expect(timed.send({ times: [period, 2 * period], values: [[1], [1]] })).rejects.toThrow(
    'times: expected 1, one for each row, got 2',
  );
  await received(1);
  const numbered = await opened();
  await numbered.send({ values: [[0], [0]] });
  await expect(numbered.send({ times: [0], values: [[1], [1]] })).rejects.toThrow('got some after none');
});

test('a clock of the source goes on over connections: what was lost between them is a gap too', async () => {
  const clock = slotClock(period);
  const first = await opened();
  for (const n of [0, 1, 2]) {
    const time = n * period;
    await first.send({ seq: clock.push(time), time, values: [[-n], [n]] });
  }
  expect([...(await received(3)).keys()]).toEqual([0, 1, 2]);
  const second = await opened(3);
  for (const n of [7, 8]) {
    const time = n * period;
    await second.send({ seq: clock.push(time), time, values: [[-n], [n]] });
  }
  expect([...(await received(2)).keys()]).toEqual([7, 8]);
});
