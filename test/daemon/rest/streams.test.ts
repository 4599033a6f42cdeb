import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { memoryLog } from '../../../src/log/memoryLog.ts';
import { startDaemon } from '../../support/daemon.ts';
import { http, post } from '../../support/http.ts';
import { rawClient } from '../../support/rawClient.ts';

const channels = [{ name: 'x', unit: 'g' }, { name: 'y, "z"' }];
const begin = { channels, rate: 64, time: 1_767_225_600_000 };
const samples = '/v1/streams/site%2Fpump/samples';

describe('POST samples', () => {
  test('begins a stream and goes on with it; answers name the epoch and what comes next', async () => {
    const { url } = await startDaemon();
    const first = await post(url, samples, {
      ...begin,
      values: [
        [1, 2],
        [3, null],
      ],
    });
    expect(first).toMatchObject({
      status: 200,
      json: { epoch: expect.stringMatching(/^[0-9a-f]{16}$/), nextSeq: 2 },
    });
    const { epoch } = first.json;
    expect((await post(url, samples, { values: [[5], [6]] })).json).toEqual({ epoch, nextSeq: 3 });
    // The same again, told by its epoch: a duplicate, acknowledged.
    expect((await post(url, samples, { epoch, seq: 2, values: [[5], [6]] })).json).toEqual({
      epoch,
      nextSeq: 3,
    });
    expect(await post(url, samples, { seq: 1, values: [[5], [6]] })).toMatchObject({
      status: 409,
      json: { code: 'seqBelowHead', field: 'seq' },
    });
    const info = await http(url, '/v1/streams/site/pump');
    expect(info.json).toMatchObject({
      name: 'site/pump',
      epoch,
      nextSeq: 3,
      rate: 64,
      model: 'test',
      version: 1,
    });
    expect(info.json.channels).toEqual([
      { name: 'x', unit: 'g', offset: 0 },
      { name: 'y, "z"', offset: 0 },
    ]);
  });

  test('answers after the commit, not before', async () => {
    let release: () => void = () => undefined;
    const log = memoryLog({
      hook: (edge) => (edge === 'before' ? new Promise<void>((resolve) => (release = resolve)) : undefined),
    });
    const { url } = await startDaemon({ log });
    let answered = false;
    const answer = post(url, samples, { ...begin, values: [[1], [2]] }).then((reply) => {
      answered = true;
      return reply;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(answered).toBe(false);
    release();
    expect((await answer).status).toBe(200);
    expect(log.head('site/pump')?.nextSeq).toBe(1);
  });

  test('a stream that a WebSocket feeds is busy, unless it is taken over', async () => {
    const { url } = await startDaemon();
    const client = await rawClient(url);
    await client.ask({ type: 'open', stream: 'site/pump', channels, rate: 64 });
    const values = [[1], [2]];
    expect(await post(url, samples, { values })).toMatchObject({ status: 409, json: { code: 'streamBusy' } });
    expect((await post(url, samples, { values, takeover: true })).status).toBe(200);
    await client.until((m) => m.type === 'closed' && m.reason === 'takenOver');
    expect((await post(url, samples, { values })).json.nextSeq).toBe(2);
  });

  test.each<[string, object, number, object]>([
    [
      'a new stream without channels',
      { rate: 1, values: [[1]] },
      400,
      { code: 'badMessage', field: 'channels' },
    ],
    ['a new stream without a rate', { channels, values: [[1], [1]] }, 400, { field: 'rate' }],
    ['another number of channels', { ...begin, values: [[1]] }, 400, { code: 'frameSize', field: 'values' }],
    ['channels of different lengths', { ...begin, values: [[1], []] }, 400, { field: 'values[1]' }],
    ['a text for a number', { ...begin, values: [[1], ['1']] }, 400, { field: 'values[1][0]' }],
    ['no values', begin, 400, { field: 'values' }],
    ['an unknown field', { ...begin, values: [[1], [1]], sequence: 1 }, 400, { field: 'sequence' }],
    ['a rate of 0', { channels, rate: 0, values: [[1], [1]] }, 400, { field: 'rate' }],
    [
      'too many rows',
      {
        ...begin,
        values: [
          [1, 2, 3, 4, 5],
          [1, 2, 3, 4, 5],
        ],
      },
      400,
      { code: 'limit' },
    ],
    [
      'too many channels',
      { ...begin, channels: ['a', 'b', 'c'].map((name) => ({ name })), values: [[1], [1], [1]] },
      400,
      { code: 'limit', field: 'channels' },
    ],
  ])('refused: %s', async (_name, body, status, json) => {
    const { url } = await startDaemon({ limits: { rows: 4, channels: 2 } });
    const reply = await post(url, samples, body);
    expect(reply).toMatchObject({ status, json });
    expect(reply.json.message).toMatch(/expected/);
    expect((await http(url, '/v1/streams')).json).toEqual({ streams: [] });
  });
});

describe('bodies', () => {
  const limits = { messageBytes: 2048 };

  test('no JSON, another type, nested too deep', async () => {
    const { url } = await startDaemon({ limits });
    const secret = 'PLANTED';
    const bad = await http(url, samples, { method: 'POST', body: `{${secret}` });
    expect(bad).toMatchObject({ status: 400, json: { code: 'badMessage' } });
    expect(bad.text).not.toContain(secret);
    const plain = { method: 'POST', body: '{}', headers: { 'content-type': 'text/plain' } };
    expect((await http(url, samples, plain)).status).toBe(415);
    expect(
      (await http(url, samples, { method: 'POST', body: `${'['.repeat(9)}${']'.repeat(9)}` })).json.message,
    ).toMatch(/8 deep/);
    expect((await http(url, samples, { method: 'POST', body: '[1]' })).json.message).toMatch(
      /one JSON object/,
    );
  });

  test('one that says it is too long is refused before it is read; one that does not say so, when it is', async () => {
    const { url } = await startDaemon({ limits });
    const { port } = new URL(url);
    const head = `POST ${samples} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n`;
    const long = await talk(port, `${head}content-length: 2049\r\n\r\n`);
    expect(long).toMatch(/^HTTP\/1\.1 413 [\s\S]*connection: close[\s\S]*limits\.messageBytes/i);
    const chunk = 'x'.repeat(1000);
    const chunks = `${head}transfer-encoding: chunked\r\n\r\n${`3e8\r\n${chunk}\r\n`.repeat(3)}`;
    expect(await talk(port, chunks)).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('headers that never end are given up after 5 s', async () => {
    const { url } = await startDaemon();
    const began = performance.now();
    expect(await talk(new URL(url).port, 'GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ')).toMatch(
      /^HTTP\/1\.1 408 /,
    );
    expect(performance.now() - began).toBeGreaterThan(4900);
    expect(performance.now() - began).toBeLessThan(8000);
  });
});

/** What a daemon answers to bytes, until it ends the connection. */
function talk(port: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

describe('DELETE', () => {
  test('the stream is gone for everybody, and its name may begin anew', async () => {
    const { url } = await startDaemon();
    const { epoch } = (await post(url, samples, { ...begin, values: [[1], [2]] })).json;
    const client = await rawClient(url);
    const { streams } = await client.ask({ type: 'subscribe', streams: ['**'] });
    expect((await http(url, '/v1/streams/site/pump', { method: 'DELETE' })).json).toEqual({
      deleted: 'site/pump',
    });
    await client.until(
      (m) => m.type === 'removed' && m.reason === 'deleted' && m.slots[0] === streams[0].slot,
    );
    expect((await http(url, '/v1/streams/site/pump', { method: 'DELETE' })).status).toBe(404);
    expect((await http(url, '/v1/streams/site/pump')).status).toBe(404);
    const again = await post(url, samples, { ...begin, values: [[1], [2]] });
    expect(again.json.nextSeq).toBe(1);
    expect(again.json.epoch).not.toBe(epoch);
  });
});

describe('paths', () => {
  test('names with slashes, encoded or not; one that ends like an action is encoded', async () => {
    const { url } = await startDaemon();
    for (const name of ['a', 'a/b', 'a/history', 'a/samples']) {
      const path = `/v1/streams/${encodeURIComponent(name)}`;
      expect((await post(url, `${path}/samples`, { ...begin, values: [[1], [2]] })).status).toBe(200);
      expect((await http(url, path)).json.name).toBe(name);
    }
    expect((await http(url, '/v1/streams/a/b')).json.name).toBe('a/b');
    expect((await http(url, '/v1/streams/a/history/history')).json.name).toBe('a/history');
    expect((await http(url, '/v1/streams?pattern=a/*')).json.streams).toHaveLength(3);
    expect((await http(url, '/v1/streams?patern=a/*')).json.message).toMatch(/did you mean pattern\?/);
    expect((await http(url, '/v1/streams?pattern=a//b')).json).toMatchObject({ field: 'pattern' });
  });

  test.each([
    ['/v1/streams/%', 400],
    ['/v1/streams/a%00b', 400],
    ['/v1/streams/..%2Fetc', 400],
    ['/v1/streams/%2e%2e', 400],
    ['/v1/streams/', 404],
    ['/v1/stream', 404],
    ['/v2', 404],
    ['/v1/models/..%2Fx/rollback', 405],
  ])('%s: %s', async (path, status) => {
    const { url } = await startDaemon();
    // Not by fetch, which tidies paths.
    const answer = await talk(
      new URL(url).port,
      `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n`,
    );
    expect(answer.slice(9, 12)).toBe(String(status));
  });

  test('another method: 405 with those there are', async () => {
    const { url } = await startDaemon();
    const put = await http(url, '/v1/streams/a', { method: 'PUT' });
    expect(put.status).toBe(405);
    expect(put.headers.get('allow')).toBe('GET, HEAD, DELETE');
    expect((await http(url, '/livez', { method: 'HEAD' })).status).toBe(200);
  });
});
