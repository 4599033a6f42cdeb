import { appendFile, link, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { referenceTrend } from '../../../src/dsp/reference.ts';
import { encodeModel } from '../../../src/model/encodeModel.ts';
import { promote, publish } from '../../../src/model/repository.ts';
import { trendModel } from '../../../src/model/trendModel.ts';
import { startDaemon, testConfig } from '../../support/daemon.ts';
import { http, post } from '../../support/http.ts';
import { repositoryWith, sampleTaps } from '../../support/models.ts';
import { type RawClient, rawClient } from '../../support/rawClient.ts';

const watchInterval = 50;

function bytesOf(
  taps: number,
  parts: { rate?: number; channels?: string[]; bias?: number } = {},
): Uint8Array {
  const { bias = 0, ...rest } = parts;
  return encodeModel(trendModel({ kernels: [{ taps: Float64Array.from(sampleTaps(taps)), bias }], ...rest }));
}

/** `test@1` in force with 9 taps, `test@2` with 5 beside it. */
async function twoVersions(): Promise<string> {
  const dir = await repositoryWith(sampleTaps(9));
  await publish(dir, 'test', bytesOf(5));
  return dir;
}

const open = { type: 'open', channels: [{ name: 'x' }], rate: 10 };

async function feed(client: RawClient, stream: string) {
  const { slot } = await client.ask({ ...open, stream });
  let seq = 0;
  return {
    async send(...values: number[]): Promise<void> {
      client.send({ type: 'samples', slot, seq, values: [values] });
      seq += values.length;
      const until = seq;
      await client.until((m) => m.type === 'ack' && m.slot === slot && m.nextSeq >= until);
    },
  };
}

describe('a promotion', () => {
  test('by hand in the repository reaches every stream as one kernel at one seq, and its trends are those of the kernel', async () => {
    const models = await twoVersions();
    const { url } = await startDaemon({ models, watchInterval });
    const client = await rawClient(url);
    const { id } = await client.ask({ type: 'subscribe', streams: ['**'] });
    const feeds = await Promise.all(['a', 'b'].map((name) => feed(client, name)));
    const x = Array.from({ length: 12 }, (_, i) => Math.fround(Math.cos(i) * 50));
    for (const each of feeds) await each.send(...x.slice(0, 6));
    await promote(models, 'test', 2);
    await client.until((m) => m.type === 'kernel' && m.version === 2);
    for (const each of feeds) await each.send(...x.slice(6));
    await expect.poll(() => client.messages.filter((m) => m.type === 'trend' && m.seq >= 6)).toHaveLength(2);
    const slots = client.messages
      .filter((m) => m.type === 'added' && m.id === id)
      .map((m) => m.streams[0].slot);
    for (const slot of slots) {
      const changes = client.messages
        .filter(({ type }) => type === 'kernel')
        .flatMap((m) => m.changes.filter((change: { slot: number }) => change.slot === slot));
      expect(changes).toEqual([{ slot, seq: 6 }]);
      const trends = client.messages
        .filter((m) => m.type === 'trend' && m.slot === slot)
        .flatMap((m) => m.trend[0]);
      const by = (taps: number) =>
        referenceTrend(x, { taps: Float64Array.from(sampleTaps(taps)), bias: 0 }).trend;
      for (const [i, want] of [...by(9).slice(0, 6), ...by(5).slice(6)].entries()) {
        expect(trends[i]).toBeCloseTo(want, 4);
      }
    }
    expect((await http(url, '/readyz')).json.models).toEqual([
      { model: 'test', name: 'test', version: 2, problem: null },
    ]);
  });

  test('over REST: promote, roll back, and what there is', async () => {
    const models = await twoVersions();
    const { url } = await startDaemon({ models, watchInterval: 3_600_000 });
    const list = async () => (await http(url, '/v1/models')).json;
    expect(await list()).toEqual({
      models: [{ name: 'test', versions: [1, 2], active: 1 }],
      served: [{ model: 'test', name: 'test', version: 1, problem: null }],
    });
    const promoted = await post(url, '/v1/models/test/promote', { version: 2 });
    expect(promoted).toMatchObject({ status: 200, json: { name: 'test', version: 2, previous: 1 } });
    expect(await list()).toMatchObject({ models: [{ active: 2 }], served: [{ version: 2 }] });
    const back = await http(url, '/v1/models/test/rollback', { method: 'POST' });
    expect(back).toMatchObject({ status: 200, json: { version: 1, previous: 2 } });
    expect(await list()).toMatchObject({ models: [{ active: 1 }], served: [{ version: 1 }] });
    expect((await http(url, '/v1/models/test/rollback', { method: 'POST' })).json.code).toBe('modelOldest');
    expect(await post(url, '/v1/models/test/promote', { version: 7 })).toMatchObject({
      status: 404,
      json: { code: 'modelNotFound' },
    });
    expect(await post(url, '/v1/models/tset/promote', { version: 1 })).toMatchObject({ status: 404 });
    expect(await post(url, '/v1/models/test/promote', { version: 0 })).toMatchObject({
      status: 400,
      json: { field: 'version' },
    });
    expect(await post(url, '/v1/models/te%2Fst/promote', { version: 1 })).toMatchObject({
      status: 400,
      json: { field: 'name' },
    });
  });

  test('a pinned model follows no promotion; a stream that begins meanwhile has the newest', async () => {
    const models = await twoVersions();
    const streams = [{ match: ['pinned/**'], model: 'test@1', allow: [] }];
    const { url } = await startDaemon({ models, streams, watchInterval });
    const begin = { channels: [{ name: 'x' }], rate: 1, values: [[1]] };
    for (const name of ['pinned/a', 'b']) await post(url, `/v1/streams/${name}/samples`, begin);
    await post(url, '/v1/models/test/promote', { version: 2 });
    await post(url, '/v1/streams/c/samples', begin);
    const version = async (name: string) => (await http(url, `/v1/streams/${name}`)).json.version;
    await expect.poll(() => version('b')).toBe(2);
    expect([await version('pinned/a'), await version('c')]).toEqual([1, 2]);
  });
});

describe('a bad model never displaces the one in force', () => {
  const bad = new Uint8Array([1, 2, 3]);

  test.each<[string, (folder: string) => Promise<void>]>([
    ['no ONNX file', (folder) => writeFile(join(folder, 'model.onnx'), bad)],
    ['nothing', async () => undefined],
    [
      'a link to a good one',
      (folder) => symlink(join(folder, '../1/model.onnx'), join(folder, 'model.onnx')),
    ],
    [
      'a good one with another link to it',
      async (folder) => {
        await writeFile(join(folder, 'elsewhere'), bytesOf(5));
        await link(join(folder, 'elsewhere'), join(folder, 'model.onnx'));
      },
    ],
    ['9 MiB', (folder) => writeFile(join(folder, 'model.onnx'), new Uint8Array(9 * 2 ** 20))],
    [
      'a bias that is not allowed',
      (folder) => writeFile(join(folder, 'model.onnx'), bytesOf(5, { channels: ['x'], bias: 1 })),
    ],
  ])('%s, made active by hand: told, and the daemon goes on', async (_name, place) => {
    const models = await repositoryWith(sampleTaps(9));
    const { url } = await startDaemon({ models, watchInterval });
    const client = await rawClient(url);
    await client.ask({ type: 'subscribe', streams: ['**'] });
    const each = await feed(client, 'a');
    await each.send(1, 2, 3);
    const folder = join(models, 'test', '2');
    await mkdir(folder);
    await place(folder);
    await writeFile(join(models, 'test', 'active.new'), '2\n');
    await rename(join(models, 'test', 'active.new'), join(models, 'test', 'active'));
    const status = async () => (await http(url, '/readyz')).json;
    await expect.poll(async () => (await status()).models[0].problem).toMatch(/expected/);
    expect(await status()).toMatchObject({ ready: true, models: [{ version: 1 }] });
    expect((await http(url, '/metrics')).text).toMatch(/^firtrend_model_problems 1$/m);
    await each.send(4, 5, 6);
    expect(client.messages.filter(({ type }) => type === 'kernel')).toEqual([]);
    // Over REST it is refused before anything is promoted.
    await writeFile(join(models, 'test', 'active'), '1\n');
    await expect.poll(async () => (await status()).models[0].problem).toBe(null);
    const refused = await post(url, '/v1/models/test/promote', { version: 2 });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(refused.status).toBeLessThan(500);
    expect((await http(url, '/v1/models')).json.models).toMatchObject([{ active: 1 }]);
  });

  test('a repository that goes away and comes back', async () => {
    const models = await twoVersions();
    const { url } = await startDaemon({ models, watchInterval });
    await rename(models, `${models}.away`);
    const problem = async () => (await http(url, '/readyz')).json.models[0].problem;
    await expect.poll(problem).toMatch(/expected/);
    await rename(`${models}.away`, models);
    await expect.poll(problem).toBe(null);
    await rm(join(models, 'test', 'active'));
    await promote(models, 'test', 2);
    await expect.poll(async () => (await http(url, '/readyz')).json.models[0].version).toBe(2);
    await appendFile(join(models, 'test', 'active'), 'x');
    await expect.poll(problem).toMatch(/active/);
  });
});

describe('rules', () => {
  test('the first that fits; what differs is raw only and says why, unless it is allowed', async () => {
    const models = await repositoryWith(sampleTaps(9));
    await publish(models, 'strict', bytesOf(5, { rate: 64, channels: ['x', 'y'] }));
    await publish(models, 'biased', bytesOf(5, { channels: ['x'], bias: 3 }));
    const streams = [
      { match: ['raw/**'], allow: [] },
      { match: ['strict/any'], model: 'strict', allow: ['rateMismatch', 'channelMismatch'] as const },
      { match: ['strict/*'], model: 'strict', allow: [] },
      { match: ['biased'], model: 'biased', allow: ['bias'] as const, minCoverage: 0.9 },
    ];
    const { url } = await startDaemon({ models, streams: streams as never });
    const begin = async (name: string, channels: string[], rate: number) => {
      const body = {
        channels: channels.map((each) => ({ name: each })),
        rate,
        values: channels.map(() => [1, 1]),
      };
      await post(url, `/v1/streams/${name}/samples`, body);
      const { model, version, reason } = (await http(url, `/v1/streams/${name}`)).json;
      return { model, version, reason };
    };
    expect(await begin('raw/a/b', ['x'], 1)).toMatchObject({
      model: null,
      reason: expect.stringMatching(/^noModel: .*streams\[0\] \(raw\/\*\*\)/),
    });
    expect(await begin('strict/a', ['x', 'y'], 64.5)).toEqual({ model: 'strict', version: 1 });
    expect(await begin('strict/b', ['x', 'y'], 65)).toMatchObject({
      model: null,
      reason: expect.stringMatching(/^rateMismatch: expected 64 Hz/),
    });
    expect(await begin('strict/c', ['y', 'x'], 64)).toMatchObject({
      model: null,
      reason: expect.stringMatching(/^channelMismatch: expected x, y/),
    });
    expect(await begin('strict/any', ['q'], 5)).toEqual({ model: 'strict', version: 1 });
    expect(await begin('biased', ['x'], 5)).toEqual({ model: 'biased', version: 1 });
    const { json } = await http(url, '/v1/streams/biased/history');
    // Of 5 taps two rows never cover nine tenths.
    expect(json.entries.at(-1).trend).toEqual([[null, null]]);
    expect(await begin('other', ['x'], 5)).toEqual({ model: 'test', version: 1 });
  });

  test('read again with the configuration: streams change hands; what is wrong changes nothing', async () => {
    const models = await twoVersions();
    let next: Parameters<typeof testConfig>[0] = {};
    const daemon = await startDaemon({ models, readConfig: () => testConfig({ models, ...next }) });
    const { url } = daemon;
    await post(url, '/v1/streams/a/samples', { channels: [{ name: 'x' }], rate: 1, values: [[1]] });
    const version = async () => (await http(url, '/v1/streams/a')).json.version;
    next = { streams: [{ match: ['a'], model: 'test@2', allow: [] }] };
    await daemon.reload();
    await expect.poll(version).toBe(2);
    next = { streams: [{ match: ['a'], model: 'nobody', allow: [] }] };
    await daemon.reload();
    next = {
      auth: { ...(await testConfig()).auth, tokens: [{ name: 'a', sha256: '00'.repeat(32), scopes: [] }] },
    };
    await daemon.reload();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await version()).toBe(2);
    expect((await http(url, '/metrics')).text).toMatch(/firtrend_reloads_total\{outcome="refused"\} 2/);
    next = {};
    await daemon.reload();
    await expect.poll(async () => (await http(url, '/v1/streams/a')).json.model).toBe(null);
  });
});
