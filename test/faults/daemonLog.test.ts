import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { firtrend, type ServeProcess, serveProcess } from '../support/command.ts';
import { http, post } from '../support/http.ts';
import { temporaryFolder } from '../support/models.ts';
import { type RawClient, rawClient } from '../support/rawClient.ts';

/* A disk that is full, or fails, under a daemon: what its clients are told, and what is held afterwards. */

const strace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
const skipped = strace ? '' : ' [skipped: no strace]';

const open = { type: 'open', stream: 's', channels: [{ name: 'x' }], rate: 50 };

interface Traced {
  readonly daemon: ServeProcess;
  readonly log: string;
  /** What strace saw. */
  trace(): Promise<string>;
}

/** A daemon whose system calls fail as the injection says. */
async function traced(injection: string): Promise<Traced> {
  const folder = await temporaryFolder();
  const [log, trace] = [join(folder, 'log'), join(folder, 'trace')];
  const daemon = await serveProcess(['--log', `file:${log}`, '--model', 'gait@1'], {
    through: [
      'strace',
      '-D',
      '-f',
      '-qq',
      '-o',
      trace,
      '-e',
      'trace=pwrite64,fdatasync',
      '-e',
      `inject=${injection}`,
    ],
    // One thread for files, for calls are counted by thread.
    environment: { UV_THREADPOOL_SIZE: '1' },
  });
  return { daemon, log: `file:${log}`, trace: () => readFile(trace, 'utf8') };
}

/** Sends one sample after another, each when the one before is acknowledged, until one is not. @returns `nextSeq` */
async function feed(client: RawClient, slot: number, from: number): Promise<number> {
  for (let seq = from; ; seq++) {
    client.send({ type: 'samples', slot, seq, values: [[seq]] });
    const answer = await Promise.race([
      client.until((message) => message.type === 'ack' && message.nextSeq === seq + 1, 60),
      client.until(({ type }) => type === 'error', 60),
      client.closed,
    ]);
    if (!('type' in answer) || answer.type !== 'ack') return seq;
  }
}

const held = async (log: string): Promise<number> => {
  const { stdout } = await firtrend(['log', 'list', '--log', log, '--json']);
  const [stream] = (JSON.parse(stdout) as { streams: { nextSeq: number }[] }).streams;
  return stream!.nextSeq;
};

test.skipIf(!strace)(
  `a full disk: nothing is acknowledged, everyone is told, and it goes on by itself${skipped}`,
  async () => {
    const { daemon, log, trace } = await traced('pwrite64:error=ENOSPC:when=30..33');
    const client = await rawClient(daemon.url, { alive: 1000 });
    await client.ask({ type: 'subscribe', streams: ['s'], fields: ['raw'], mode: 'lossless' });
    const { slot } = await client.ask(open);
    const reached = await feed(client, slot, 0);
    expect(reached).toBeGreaterThan(5);
    expect(client.messages.find(({ type }) => type === 'error')).toMatchObject({
      ...{ slot, code: 'logFull', retryAfter: 1000 },
      message: expect.stringContaining('full disk'),
    });
    const readyz = await http(daemon.url, '/readyz');
    expect(readyz).toMatchObject({
      status: 503,
      json: { ready: false, log: { durability: 'full', full: true } },
    });
    expect(await client.ask({ ...open, stream: 'other' })).toMatchObject({ type: 'error', code: 'logFull' });
    const body = { channels: [{ name: 'x' }], rate: 1, values: [[1]] };
    const refused = await post(daemon.url, '/v1/streams/other/samples', body);
    expect(refused).toMatchObject({ status: 503, json: { code: 'logFull' } });
    expect(refused.headers.get('retry-after')).toBe('1');
    // What depends on the sample has not left: neither its acknowledgement nor itself.
    const seen = (): number =>
      Math.max(...client.messages.filter(({ type }) => type === 'trend').map(({ seq }) => seq));
    expect(seen()).toBe(reached - 1);
    expect(await held(log)).toBe(reached);

    await client.until(({ type, nextSeq }) => type === 'ack' && nextSeq === reached + 1, 20);
    await client.until(({ type, seq }) => type === 'trend' && seq === reached);
    expect(await http(daemon.url, '/readyz')).toMatchObject({ status: 200, json: { log: { full: false } } });
    expect(await client.ask({ ...open, stream: 'other' })).toMatchObject({ type: 'opened' });
    expect(await daemon.stop()).toBe(0);
    expect(await held(log)).toBe(reached + 1);
    expect(await trace()).toContain('INJECTED');
  },
);

test.skipIf(!strace)(
  `a disk that is full at the start: it waits, says so, and serves then${skipped}`,
  async () => {
    const { daemon, log, trace } = await traced('pwrite64:error=ENOSPC:when=1..2');
    expect(daemon.log()).toContain('no space is left');
    expect(daemon.log()).toContain('there is space for the log again');
    const client = await rawClient(daemon.url);
    const { slot } = await client.ask(open);
    client.send({ type: 'samples', slot, seq: 0, values: [[1]] });
    await client.until(({ type }) => type === 'ack');
    expect(await daemon.stop()).toBe(0);
    expect(await held(log)).toBe(1);
    expect(await trace()).toContain('INJECTED');
  },
);

test.skipIf(!strace)(`a full disk: SIGTERM ends it all the same${skipped}`, async () => {
  const { daemon, log, trace } = await traced('pwrite64:error=ENOSPC:when=30+');
  const client = await rawClient(daemon.url, { alive: 1000 });
  const { slot } = await client.ask(open);
  const reached = await feed(client, slot, 0);
  const began = Date.now();
  expect(await daemon.stop()).toBe(1);
  expect(Date.now() - began).toBeLessThan(5000);
  expect(daemon.log()).toContain('no space is left');
  expect(await held(log)).toBe(reached);
  expect(await trace()).toContain('INJECTED');
});

test.skipIf(!strace)(
  `a sync that fails ends the daemon; what was acknowledged is held${skipped}`,
  async () => {
    const { daemon, log, trace } = await traced('fdatasync:error=EIO:when=30');
    const client = await rawClient(daemon.url, { alive: 1000 });
    const { slot } = await client.ask(open);
    const reached = await feed(client, slot, 0);
    expect(reached).toBeGreaterThan(5);
    expect(await client.closed).toMatchObject({ code: 4006 });
    expect(await daemon.ended).toBe(1);
    expect(daemon.log()).toMatch(/the log can hold nothing more: .*EIO/);
    // Written, and perhaps not on the disk: held or not, nobody was told.
    expect([reached, reached + 1]).toContain(await held(log));
    expect(await trace()).toContain('INJECTED');
  },
);

test('a second daemon is refused, and changes nothing', async () => {
  const log = `file:${join(await temporaryFolder(), 'log')}`;
  const daemon = await serveProcess(['--log', log]);
  const client = await rawClient(daemon.url);
  const { slot } = await client.ask(open);
  const refused = await firtrend(['serve', '--port', '0', '--log', log]);
  expect(refused).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining(log.slice('file:'.length)),
  });
  client.send({ type: 'samples', slot, seq: 0, values: [[1]] });
  await client.until(({ type }) => type === 'ack');
  expect(await daemon.stop()).toBe(0);
  expect(await held(log)).toBe(1);
});
