import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Config } from '../../src/daemon/config/schema.ts';
import { type Daemon, serve } from '../../src/daemon/serve.ts';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { publish } from '../../src/model/repository.ts';
import { trendModel } from '../../src/model/trendModel.ts';
import { startDaemon, testConfig } from '../support/daemon.ts';
import { http, post } from '../support/http.ts';
import { sampleTaps } from '../support/models.ts';
import { rawClient } from '../support/rawClient.ts';

/*
 * Who may do what: every role × every verb × every stream, through the socket and over REST, against expectations that
 * are worked out here and know nothing of the daemon's code.
 */

const roles: Readonly<Record<string, readonly string[]>> = {
  nothing: [],
  publisher: ['publish:a/*'],
  feeder: ['publish:**'],
  reader: ['subscribe:a/x', 'subscribe:b/**'],
  follower: ['subscribe:**'],
  both: ['publish:a/x', 'subscribe:*'],
  admin: ['admin'],
  cluster: ['cluster'],
  everything: ['publish:**', 'subscribe:**', 'admin', 'cluster'],
};
const streams = ['a/x', 'a/x/deep', 'b/y/z', 'top'];

/** Whether a role may, by the words of docs/protocol.md: `*` is one part, `**` the rest. */
function expected(role: string, verb: string, stream: string): boolean {
  return roles[role]!.some((scope) => {
    const [what, pattern] = scope.split(':');
    if (what !== verb) return false;
    if (pattern === undefined) return true;
    const source = pattern
      .split('**')
      .map((part) => part.split('*').join('[^/]+'))
      .join('.+');
    return new RegExp(`^${source}$`).test(stream);
  });
}

const tokenOf = (role: string): string => `frt_token-of-${role}`;
const open = { type: 'open', channels: [{ name: 'x' }], rate: 10 };
const samples = { channels: [{ name: 'x' }], rate: 10, values: [[1]] };
const samplesPath = (stream: string): string => `/v1/streams/${encodeURIComponent(stream)}/samples`;

async function authOf(entries: Readonly<Record<string, readonly string[]>>): Promise<Config['auth']> {
  const tokens = Object.entries(entries).map(([name, scopes]) => ({
    name,
    sha256: createHash('sha256').update(tokenOf(name)).digest('hex'),
    scopes: [...scopes],
  }));
  return { ...(await testConfig()).auth, tokens };
}

describe('role × verb × stream', () => {
  let daemon: Daemon;
  let url: string;

  beforeAll(async () => {
    const { mkdtemp } = await import('node:fs/promises');
    const models = await mkdtemp('/tmp/firtrend-test-access-');
    for (const taps of [5, 7]) {
      const kernels = [{ taps: Float64Array.from(sampleTaps(taps)), bias: 0 }];
      await publish(models, 'test', encodeModel(trendModel({ kernels })));
    }
    daemon = await serve({
      config: await testConfig({ models, model: 'test', auth: await authOf(roles) }),
      version: '0',
    });
    url = daemon.url;
    for (const stream of streams) await post(url, samplesPath(stream), samples, tokenOf('everything'));
  });
  afterAll(() => daemon.close());

  const cases = Object.keys(roles).flatMap((role) => streams.map((stream) => [role, stream] as const));

  test.each(cases)('%s, %s', async (role, stream) => {
    const token = tokenOf(role);
    const may = (verb: string): boolean => expected(role, verb, stream);
    const path = `/v1/streams/${encodeURIComponent(stream)}`;

    // Over REST: what may not be seen is as if it were not there.
    const seen = may('subscribe') ? 200 : 404;
    expect((await http(url, path, { token })).status).toBe(seen);
    expect((await http(url, `${path}/history`, { token })).status).toBe(seen);
    const forbidden = await http(url, path, { token });
    const unknown = await http(url, '/v1/streams/no%2Fsuch', { token });
    if (!may('subscribe')) expect(forbidden.text.replaceAll(stream, 'no/such')).toBe(unknown.text);
    expect((await post(url, samplesPath(stream), samples, token)).status).toBe(may('publish') ? 200 : 403);

    // Through the socket.
    const client = await rawClient(url, { token });
    const listed = await client.ask({ type: 'streams', pattern: stream });
    expect(listed.streams).toHaveLength(may('subscribe') ? 1 : 0);
    const subscribed = await client.ask({ type: 'subscribe', streams: [stream] });
    expect(subscribed.streams).toHaveLength(may('subscribe') ? 1 : 0);
    const opened = await client.ask({ ...open, stream });
    expect(opened).toMatchObject(
      may('publish') ? { type: 'opened' } : { type: 'error', code: 'unauthorised', field: 'stream' },
    );
    client.socket.terminate();
    await client.closed;

    const deleted = await http(url, path, { method: 'DELETE', token });
    expect(deleted.status).toBe(may('admin') ? 200 : 403);
    if (may('admin')) await post(url, samplesPath(stream), samples, tokenOf('everything'));
  });

  test.each(Object.keys(roles))(
    '%s: lists hold what may be seen, and models are for admins',
    async (role) => {
      const token = tokenOf(role);
      const visible = streams.filter((stream) => expected(role, 'subscribe', stream)).sort();
      const names = ({ streams: all }: { streams: { name: string }[] }) => all.map(({ name }) => name).sort();
      expect(names((await http(url, '/v1/streams', { token })).json)).toEqual(visible);
      const client = await rawClient(url, { headers: { authorization: `Bearer ${token}` } });
      expect(client.messages.find(({ type }) => type === 'welcome')).toMatchObject({
        principal: role,
        scopes: roles[role],
      });
      expect(names((await client.ask({ type: 'subscribe', streams: ['**'] })) as never)).toEqual(visible);

      const admin = expected(role, 'admin', '');
      expect((await http(url, '/v1/models', { token })).status).toBe(admin ? 200 : 403);
      expect((await post(url, '/v1/models/test/promote', { version: 2 }, token)).status).toBe(
        admin ? 200 : 403,
      );
      expect((await http(url, '/v1/models/test/rollback', { method: 'POST', token })).status).toBe(
        admin ? 200 : 403,
      );
      expect((await http(url, '/metrics', { token })).status).toBe(200);
      expect((await http(url, '/readyz', { token })).json).toHaveProperty('device');
    },
  );

  test('nobody: nothing but whether it lives and is ready', async () => {
    for (const path of [
      '/v1/streams',
      '/v1/streams/top',
      '/v1/streams/top/history',
      '/v1/models',
      '/metrics',
    ]) {
      const { status, headers, json } = await http(url, path);
      expect([status, headers.get('www-authenticate'), json.code]).toEqual([401, 'Bearer', 'unauthorised']);
    }
    expect((await post(url, samplesPath('top'), samples)).status).toBe(401);
    expect((await http(url, '/livez')).status).toBe(200);
    expect((await http(url, '/readyz')).json).toEqual({ ready: true });
    expect((await http(url, '/v1/streams', { token: 'frt_wrong' })).status).toBe(401);
    await expect(rawClient(url, { token: 'frt_wrong' })).rejects.toThrow('unauthorised');
    await expect(rawClient(url, { headers: { authorization: 'Bearer frt_wrong' } })).rejects.toThrow(
      'unauthorised',
    );
  });
});

test('a token that is taken back ends its connections at once; one that stays does not', async () => {
  let auth = await authOf({ a: ['subscribe:**'], b: ['subscribe:**'] });
  const daemon = await startDaemon({ auth, readConfig: async () => testConfig({ auth }) });
  const [a, b] = await Promise.all(['a', 'b'].map((name) => rawClient(daemon.url, { token: tokenOf(name) })));
  auth = await authOf({ b: ['subscribe:**'] });
  await daemon.reload();
  expect((await a!.closed).code).toBe(4004);
  expect(await b!.ask({ type: 'streams' })).toMatchObject({ type: 'streams' });
  await expect(rawClient(daemon.url, { token: tokenOf('a') })).rejects.toThrow('unauthorised');
});

test('an address that others reach: only with authentication, or where anybody is meant', async () => {
  const host = '0.0.0.0';
  await expect(startDaemon({ host })).rejects.toMatchObject({ code: 'insecureAddress' });
  await startDaemon({ host, insecure: true });
  await startDaemon({ host, auth: await authOf({ a: [] }) });
});

describe('origins', () => {
  const page = 'https://page.example';
  const from = (origin: string, host?: string) => ({
    headers: { origin, ...(host !== undefined && { host }) },
  });

  test('a page that is not named may neither connect nor ask, nor read; one that is, may', async () => {
    const { url } = await startDaemon({ origins: [page] });
    await expect(rawClient(url, from('https://evil.example'))).rejects.toThrow('403');
    await expect(rawClient(url, from('null'))).rejects.toThrow('403');
    await rawClient(url, from(page));
    await rawClient(url, from(new URL(url).origin.replace('ws', 'http')));
    expect(await post(url, samplesPath('s'), samples)).toMatchObject({ status: 200 });
    const refused = await http(url, samplesPath('s'), {
      method: 'POST',
      body: '{}',
      ...from('https://evil.example'),
    });
    expect(refused).toMatchObject({ status: 403, json: { code: 'forbidden' } });
    expect(refused.headers.get('access-control-allow-origin')).toBe(null);
    const allowed = await http(url, '/v1/streams', from(page));
    expect(allowed.headers.get('access-control-allow-origin')).toBe(page);
    expect(allowed.headers.get('vary')).toBe('origin');
    const asked = await http(url, samplesPath('s'), { method: 'OPTIONS', ...from(page) });
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-methods')).toBe('POST');
    expect(asked.headers.get('access-control-allow-headers')).toBe('authorization, content-type');
    expect(
      (await http(url, '/v1/streams', { method: 'OPTIONS', ...from('https://evil.example') })).status,
    ).toBe(403);
    // Refusals are for the page to read as well.
    const unknown = await http(url, '/v1/streams/none', from(page));
    expect([unknown.status, unknown.headers.get('access-control-allow-origin')]).toEqual([404, page]);
  });

  test('a name that an attacker lets resolve to this machine is not of the same origin', async () => {
    const { url } = await startDaemon();
    const { port } = new URL(url);
    const evil = `evil.example:${port}`;
    await expect(rawClient(url, from(`http://${evil}`, evil))).rejects.toThrow('403');
    await rawClient(url, from(`http://localhost:${port}`, `localhost:${port}`));
  });
});
