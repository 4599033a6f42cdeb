import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root, type ServeProcess, serveProcess } from '../support/command.ts';
import { http, httpOf, post } from '../support/http.ts';
import { temporaryFolder } from '../support/models.ts';
import { rawClient } from '../support/rawClient.ts';

/* The daemon as an operator has it: a process with a configuration file, signals, and what it logs. */

const open = { type: 'open', channels: [{ name: 'x' }], rate: 10 };
const samples = { channels: [{ name: 'x' }], rate: 10, values: [[1]] };
const hash = (token: string): string => createHash('sha256').update(token).digest('hex');

async function configured(config: object) {
  const file = join(await temporaryFolder(), 'firtrend.yaml');
  const write = (next: object): Promise<void> =>
    writeFile(file, JSON.stringify({ models: join(root, 'models'), watchInterval: 100, ...next }));
  await write(config);
  return { file, write };
}

const logged = (daemon: ServeProcess, text: string | RegExp) => expect.poll(() => daemon.log()).toMatch(text);

describe('SIGTERM', () => {
  test('tells clients by when they have to leave, takes no more, and ends then', async () => {
    const daemon = await serveProcess(['--set', 'drainTimeout=1500ms']);
    const client = await rawClient(daemon.url);
    await client.ask({ ...open, stream: 's' });
    const began = Date.now();
    const ended = daemon.stop();
    const { deadline } = await client.until(({ type }) => type === 'draining');
    expect(deadline - began).toBeGreaterThan(1300);
    expect(deadline - began).toBeLessThan(2500);
    // Who is there goes on, and hears the answers.
    expect(await client.ask({ type: 'streams' })).toMatchObject({ type: 'streams' });
    expect(await http(daemon.url, '/readyz')).toMatchObject({ status: 503, json: { ready: false } });
    expect((await http(daemon.url, '/livez')).status).toBe(200);
    expect(await post(daemon.url, '/v1/streams/t/samples', samples)).toMatchObject({
      status: 503,
      json: { code: 'draining' },
    });
    await expect(rawClient(daemon.url)).rejects.toThrow('503');
    expect(await client.closed).toMatchObject({ code: 4000 });
    expect(await ended).toBe(0);
    expect(Date.now() - deadline).toBeGreaterThan(-100);
    expect(Date.now() - deadline).toBeLessThan(2500);
  });

  test('ends as soon as the last client has left', async () => {
    const daemon = await serveProcess(['--set', 'drainTimeout=30s']);
    const client = await rawClient(daemon.url);
    const began = Date.now();
    const ended = daemon.stop();
    await client.until(({ type }) => type === 'draining');
    client.socket.close();
    expect(await ended).toBe(0);
    expect(Date.now() - began).toBeLessThan(5000);
  });
});

describe('SIGHUP', () => {
  test('rules, tokens and origins take effect; what needs a restart is named; what is wrong changes nothing', async () => {
    const token = 'frt_operate';
    const admin = { name: 'me', sha256: hash(token), scopes: ['publish:**', 'subscribe:**'] };
    const { file, write } = await configured({ auth: { tokens: [admin] } });
    const daemon = await serveProcess(['--config', file]);
    const model = async () => (await http(daemon.url, '/v1/streams/s', { token })).json.model;
    await post(daemon.url, '/v1/streams/s/samples', samples, token);
    expect(await model()).toBe(null);

    const second = { name: 'other', sha256: hash('frt_second'), scopes: ['subscribe:**'] };
    const next = {
      auth: { tokens: [admin, second] },
      streams: [{ match: '**', model: 'gait', allow: 'rateMismatch' }],
    };
    await write({ ...next, limits: { rows: 9 }, origins: ['https://page.example'] });
    daemon.kill('SIGHUP');
    await expect.poll(model).toBe('gait');
    expect((await http(daemon.url, '/v1/streams', { token: 'frt_second' })).status).toBe(200);
    await rawClient(daemon.url, { token, headers: { origin: 'https://page.example' } });
    await logged(daemon, /"needRestart":\["limits\.rows"\]/);

    await write({ ...next, prot: 1 });
    daemon.kill('SIGHUP');
    await logged(daemon, /prot: unknown key; did you mean port/);
    expect(await model()).toBe('gait');

    await write({ auth: { tokens: [admin] } });
    daemon.kill('SIGHUP');
    await expect.poll(model).toBe(null);
    expect((await http(daemon.url, '/v1/streams', { token: 'frt_second' })).status).toBe(401);
    expect(await daemon.stop()).toBe(0);
  });
});

test('no token is in the log, whatever was done with it; one that was put elsewhere is found', async () => {
  const [good, wrong, planted] = ['frt_GOODGOODGOOD', 'frt_WRONGWRONG', 'frt_PLANTEDPLANTED'];
  const tokens = [{ name: 'me', sha256: hash(good), scopes: ['publish:**', 'admin'] }];
  const { file, write } = await configured({ logLevel: 'debug', auth: { tokens } });
  const daemon = await serveProcess(['--config', file]);
  for (const token of [good, wrong]) {
    await http(daemon.url, '/v1/streams', { token });
    await http(daemon.url, `/v1/streams?token=${token}`, { token });
    await http(daemon.url, '/v1/streams', { headers: { authorization: token } });
    await post(daemon.url, '/v1/streams/s/samples', { ...samples, token }, token);
    await http(daemon.url, '/v1/streams/s', { method: 'DELETE', token });
    await http(daemon.url, '/v1/models/gait/promote', {
      method: 'POST',
      body: `{"version": ${token}`,
      token,
    });
    await rawClient(daemon.url, { token }).catch(() => undefined);
    await rawClient(daemon.url, { headers: { authorization: `Bearer ${token}` } }).catch(() => undefined);
    const socket = await rawClient(daemon.url, { token: good });
    socket.socket.send(`{"type":"auth","id":7,"token":"${token}"`);
    await socket.closed;
    const again = await rawClient(daemon.url, { token: good });
    again.send({ type: 'auth', id: 7, token: [token] });
    again.send({ type: 'auth', id: 8, token, tokn: token });
    again.socket.terminate();
    for (const auth of [{ tokens: [token] }, { tokens: [{ name: 'a', sha256: token }] }, token]) {
      await write({ logLevel: 'debug', auth });
      daemon.kill('SIGHUP');
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }
  // The same search finds what was planted where a value is no secret.
  await write({ logLevel: 'debug', auth: { tokens }, device: planted });
  daemon.kill('SIGHUP');
  await logged(daemon, planted);
  expect(daemon.log()).toMatch(/"principal":"me"[\s\S]*a login failed/);
  for (const token of [good, wrong]) {
    expect(daemon.log()).not.toContain(token);
    expect(daemon.log()).not.toContain(token.slice(4));
    expect(daemon.log()).not.toContain(hash(token));
  }
  expect(await daemon.stop()).toBe(0);
});

test('what an admin changes is told with the name of the token', async () => {
  const token = 'frt_admin';
  const tokens = [{ name: 'operator 1', sha256: hash(token), scopes: ['publish:**', 'admin'] }];
  const { file } = await configured({ auth: { tokens } });
  const daemon = await serveProcess(['--config', file]);
  await post(daemon.url, '/v1/streams/s/samples', samples, token);
  await http(daemon.url, '/v1/streams/s', { method: 'DELETE', token });
  await logged(daemon, /"principal":"operator 1".*"stream":"s".*over REST: delete/);
  expect(httpOf(daemon.url)).toMatch(/^http:/);
});
