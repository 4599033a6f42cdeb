import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { memoryLog } from '../../../src/log/memoryLog.ts';
import { readRecording } from '../../../src/train/readRecording.ts';
import { startDaemon } from '../../support/daemon.ts';
import { http, post } from '../../support/http.ts';
import { temporaryFolder } from '../../support/models.ts';
import { type RawMessage, rawClient } from '../../support/rawClient.ts';

const begin = {
  channels: [{ name: 'x' }, { name: 'y, "z"' }],
  rate: 64,
  time: 1_767_225_600_000,
  period: 15.625,
};
const path = '/v1/streams/site/pump';

/** 300 rows, of which 100 to 119 never came and some are missing. */
async function recorded(url: string): Promise<void> {
  for (let seq = 0; seq < 300; seq += 10) {
    if (seq === 100 || seq === 110) continue;
    const row = (f: (i: number) => number | null) => Array.from({ length: 10 }, (_, i) => f(seq + i));
    const values = [row((i) => Math.sin(i) * 1000), row((i) => (i % 50 === 7 ? null : i / 3))];
    const reply = await post(url, `${path}/samples`, {
      ...begin,
      seq,
      time: begin.time + seq * 15.625,
      values,
    });
    expect(reply.json.nextSeq).toBe(seq + 10);
  }
}

type Row = { readonly time: number } & Record<'trend' | 'raw' | 'coverage', (number | null)[] | undefined>;

function rowsOf(entries: readonly RawMessage[]): Map<number, Row> {
  const rows = new Map<number, Row>();
  for (const entry of entries) {
    if (entry.type !== 'trend') continue;
    const planes = entry.trend ?? entry.raw ?? entry.coverage;
    for (let i = 0; i < planes[0].length; i++) {
      const at = (field: string) => entry[field]?.map((plane: (number | null)[]) => plane[i]);
      rows.set(entry.seq + i * (entry.stride ?? 1), {
        time: entry.time + i * entry.period,
        trend: at('trend'),
        raw: at('raw'),
        // Asked for and absent: all ones.
        coverage: at('coverage') ?? entry.trend?.map(() => 1),
      });
    }
  }
  return rows;
}

test('the same bits that a WebSocket is sent, with gaps and kernels in their places', async () => {
  const { url } = await startDaemon();
  const client = await rawClient(url);
  await client.ask({ type: 'subscribe', streams: ['**'], fields: ['trend', 'raw', 'coverage'] });
  await recorded(url);
  await client.until((m) => m.type === 'trend' && m.seq === 290);
  const live = rowsOf(client.messages);
  expect(live.size).toBe(280);
  const { json, headers } = await http(url, `${path}/history?fields=trend,raw,coverage`);
  expect(json).toMatchObject({
    name: 'site/pump',
    rate: 64,
    fromSeq: 0,
    toSeq: 300,
    epoch: headers.get('firtrend-epoch'),
  });
  expect(json.channels.map(({ name }: { name: string }) => name)).toEqual(['x', 'y, "z"']);
  expect(rowsOf(json.entries)).toEqual(live);
  const others = json.entries.filter(({ type }: RawMessage) => type !== 'trend');
  expect(others).toMatchObject([
    { type: 'kernel', seq: 0, model: 'test', version: 1 },
    { type: 'gap', fromSeq: 100, toSeq: 120, reason: 'source' },
  ]);
});

describe('what of it', () => {
  test.each<[string, (seq: number) => boolean]>([
    ['from=40&to=45', (seq) => seq >= 40 && seq < 45],
    ['last=7', (seq) => seq >= 293],
    ['last=1000', () => true],
    ['every=7&from=15', (seq) => seq >= 15 && seq % 7 === 0],
    ['from=300', () => false],
    ['from=95&to=118', (seq) => seq >= 95 && seq < 100],
  ])('%s', async (query, wanted) => {
    const { url } = await startDaemon();
    await recorded(url);
    const whole = rowsOf((await http(url, `${path}/history?fields=raw,trend`)).json.entries);
    const part = rowsOf((await http(url, `${path}/history?fields=raw,trend&${query}`)).json.entries);
    expect([...part]).toEqual([...whole].filter(([seq]) => wanted(seq)));
  });

  test('channels in the order asked for', async () => {
    const { url } = await startDaemon();
    await recorded(url);
    const { json } = await http(url, `${path}/history?channels=${encodeURIComponent('x')}&fields=raw&last=1`);
    expect(json.channels).toEqual([{ name: 'x', offset: 0 }]);
    expect(json.entries.at(-1).raw).toEqual([
      [Math.fround(Math.sin(299) * 1000)].map((v) => expect.closeTo(v, 3)),
    ]);
  });

  test.each([
    ['last=0', 'last'],
    ['last=5&from=1', 'last'],
    ['from=-1', 'from'],
    ['from=301', 'from'],
    ['from=9&to=5', 'from'],
    ['fields=trend,trend', 'fields'],
    ['fields=mean', 'fields[0]'],
    ['channels=q', 'channels'],
    ['every=0', 'every'],
    ['format=xml', 'format'],
    ['fild=trend', 'fild'],
    ['last=5&last=6', 'last'],
  ])('refused: %s', async (query, field) => {
    const { url } = await startDaemon();
    await recorded(url);
    expect(await http(url, `${path}/history?${query}`)).toMatchObject({ status: 400, json: { field } });
  });
});

test('as CSV it is a recording that `firtrend train` reads: the same numbers at the same times', async () => {
  const { url } = await startDaemon();
  await recorded(url);
  const csv = await http(url, `${path}/history?fields=raw,coverage&format=csv`);
  expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  const [head, first] = csv.text.split('\n');
  expect(head).toBe('time,x,"y, ""z""",x.coverage,"y, ""z"".coverage"');
  expect(first).toMatch(/^2026-01-01T00:00:00\.000000Z,0,0,0\.\d+,0\.\d+$/);
  expect(csv.text.split('\n')[2]).toMatch(/^2026-01-01T00:00:00\.015625Z,/);
  const file = join(await temporaryFolder(), 'history.csv');
  await writeFile(file, csv.text);
  const recording = await readRecording(file, { columns: ['x', 'y, "z"'] });
  const raw = rowsOf((await http(url, `${path}/history?fields=raw`)).json.entries);
  for (const [seq, row] of raw) {
    const got = recording.values.map((values) => values[seq]!);
    expect(got.map(Math.fround)).toEqual(
      row.raw!.map((value) => (value === null ? Number.NaN : Math.fround(value))),
    );
  }
  expect(Number.isNaN(recording.values[0]![105]!)).toBe(true);
});

test('what was trimmed is refused, not left out; without from it begins with the oldest', async () => {
  const { url } = await startDaemon({ retentionBytes: 4000 });
  for (let i = 0; i < 30; i++)
    await post(url, `${path}/samples`, {
      ...begin,
      values: [new Array(100).fill(i), new Array(100).fill(1)],
    });
  const gone = await http(url, `${path}/history?from=0`);
  expect(gone).toMatchObject({ status: 410, json: { code: 'trimmed', field: 'from' } });
  const oldest = Number(/expected (\d+) or more/.exec(gone.json.message)![1]);
  const { json } = await http(url, `${path}/history?fields=trend,raw`);
  expect(json.fromSeq).toBe(oldest);
  expect(rowsOf(json.entries).size).toBe(3000 - oldest);
  expect((await http(url, `${path}/history?from=${oldest}`)).json.fromSeq).toBe(oldest);
});

describe('bounded', () => {
  test('a reader that stops reading costs little and is out of nobody’s way; one more than allowed is told', async () => {
    const log = memoryLog();
    const { url } = await startDaemon({ log, limits: { historiesAtOnce: 1 } });
    const wide = Array.from({ length: 64 }, (_, c) => ({ name: `c${c}` }));
    const values = wide.map((_, c) => Array.from({ length: 200 }, (_, i) => Math.sin(c + i) * 1e3));
    for (let i = 0; i < 60; i++)
      await post(url, '/v1/streams/wide/samples', { channels: wide, rate: 100, values });
    const stop = new AbortController();
    const slow = await fetch(`${url.replace('ws', 'http')}/streams/wide/history`, { signal: stop.signal });
    const before = process.memoryUsage().heapUsed + process.memoryUsage().external;
    await new Promise((resolve) => setTimeout(resolve, 300));
    const after = process.memoryUsage().heapUsed + process.memoryUsage().external;
    // As text it is about 15 MB; what sockets and streams hold of it is a few.
    expect(after - before).toBeLessThan(12e6);
    expect(await http(url, '/v1/streams/wide/history?last=1')).toMatchObject({
      status: 503,
      json: { code: 'limit', message: expect.stringContaining('limits.historiesAtOnce') },
    });
    expect((await http(url, '/v1/streams/wide')).status).toBe(200);
    stop.abort();
    await slow.body?.cancel().catch(() => undefined);
    await expect.poll(async () => (await http(url, '/v1/streams/wide/history?last=1')).status).toBe(200);
    // HEAD and GET give their place back too.
    for (let i = 0; i < 3; i++)
      expect((await http(url, '/v1/streams/wide/history?last=1', { method: 'HEAD' })).status).toBe(200);
    expect(rowsOf((await http(url, '/v1/streams/wide/history')).json.entries).size).toBe(12_000);
  });

  test('a stream that begins anew meanwhile ends the answer: half is not taken for the whole', async () => {
    const { url } = await startDaemon();
    const wide = Array.from({ length: 64 }, (_, c) => ({ name: `c${c}` }));
    const values = wide.map(() => new Array(200).fill(0.123456));
    for (let i = 0; i < 60; i++)
      await post(url, '/v1/streams/wide/samples', { channels: wide, rate: 100, values });
    const response = await fetch(`${url.replace('ws', 'http')}/streams/wide/history`);
    expect(response.status).toBe(200);
    expect(
      (await post(url, '/v1/streams/wide/samples', { channels: [{ name: 'a' }], rate: 1, values: [[1]] }))
        .json.nextSeq,
    ).toBe(1);
    await expect(response.text()).rejects.toThrow();
  });
});
