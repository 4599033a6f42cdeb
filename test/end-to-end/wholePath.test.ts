import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { firtrend, root, serveProcess } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';
import { pythonPath, whyNoPython } from '../support/python.ts';
import { type RawClient, rawClient } from '../support/rawClient.ts';
import { appliedTrends, gaitGolden, gaitRecording, seeded, windowPeaks } from './gaitRecording.ts';

const { names, values } = gaitRecording();
const samples = values[0]!.length;
const recordingFile = join(root, 'recordings/gait-accelerometer.csv');

/** Streams planes as a stream of its own, cut into frames of random sizes, interleaved with whatever else is sent. */
async function feed(
  client: RawClient,
  stream: string,
  planes: readonly Float32Array[],
  random: () => number,
): Promise<void> {
  const channels = planes.map((_, c) => ({ name: names[c] ?? `c${c}` }));
  const { slot } = await client.ask({ type: 'open', stream, channels, rate: 64 });
  for (let seq = 0; seq < samples; ) {
    const rows = Math.min(samples - seq, 1 + Math.floor(random() ** 3 * 300));
    client.send({
      type: 'samples',
      slot,
      seq,
      values: planes.map((plane) => [...plane.subarray(seq, seq + rows)]),
    });
    seq += rows;
    if (random() < 0.2) await new Promise((resolve) => setTimeout(resolve, random() * 4));
  }
  await client.until((m) => m.type === 'ack' && m.slot === slot && m.nextSeq === samples);
}

/** [channel][sample] float32 of a slot, each sample exactly once and in order. */
function collected(client: RawClient, slot: number): Float32Array[] {
  const trends = values.map(() => [] as number[]);
  for (const message of client.messages) {
    if (message.type !== 'trend' || message.slot !== slot) continue;
    expect(message.seq).toBe(trends[0]!.length);
    (message.trend as (number | null)[][]).forEach((plane, c) => {
      for (const value of plane) trends[c]!.push(value ?? Number.NaN);
    });
  }
  return trends.map((plane) => Float32Array.from(plane));
}

function bits(planes: readonly Float32Array[]): Uint8Array[] {
  return planes.map((plane) => new Uint8Array(plane.buffer, plane.byteOffset, plane.byteLength));
}

async function applied(): Promise<Float32Array[]> {
  const out = join(await temporaryFolder(), 'trends.csv');
  const outcome = await firtrend(['apply', 'gait@1', recordingFile, '--out', out]);
  expect(outcome).toMatchObject({ code: 0 });
  return appliedTrends(out);
}

describe('the whole recording, cut at random, in company, through a daemon of its own', () => {
  test('the trends equal those of apply bit for bit, and NumPy in float64 to 1e-6 of the largest |x|', async () => {
    const seed = Date.now() % 2 ** 31;
    const random = seeded(seed);
    const daemon = await serveProcess(['--model', 'gait@1']);
    const [producer, company, subscriber] = await Promise.all([1, 2, 3].map(() => rawClient(daemon.url)));
    const { id } = await subscriber!.ask({ type: 'subscribe', streams: ['gait'], fields: ['trend'] });
    await Promise.all([
      feed(producer!, 'gait', values, random),
      feed(company!, 'company/one', [values[3]!], random),
      feed(company!, 'company/two', [...values, ...values.map((plane) => plane.map((v) => -3 * v))], random),
    ]);
    const added = await subscriber!.until((m) => m.type === 'added' && m.id === id);
    await subscriber!.until((m) => m.type === 'trend' && m.seq + m.trend[0].length === samples);
    const live = collected(subscriber!, added.streams[0].slot);
    const batch = await applied();
    expect(batch.map((plane) => plane.length)).toEqual(values.map(() => samples));
    expect(bits(live), `seed ${seed}`).toEqual(bits(batch));

    const taps = JSON.parse((await firtrend(['inspect', 'gait@1', '--json'])).stdout).kernels[0].taps
      .length as number;
    gaitGolden(values.length).forEach((golden, c) => {
      expect(golden).toHaveLength(samples);
      const peaks = windowPeaks(values[c]!, taps);
      const worst = golden.reduce((most, g, n) => Math.max(most, Math.abs(g - live[c]![n]!) / peaks[n]!), 0);
      expect(worst).toBeLessThan(1e-6);
    });
    expect(await daemon.stop()).toBe(0);
  });

  test('replay and tail, as a user would: the same trends', async () => {
    const daemon = await serveProcess(['--model', 'gait@1']);
    const subscriber = await rawClient(daemon.url);
    const { id } = await subscriber.ask({ type: 'subscribe', streams: ['site/gait'] });
    const replay = await firtrend([
      'replay',
      recordingFile,
      '--url',
      daemon.url,
      '--stream',
      'site/gait',
      '--speed',
      'max',
      '--frame',
      '37',
    ]);
    expect(replay).toMatchObject({ code: 0, stdout: '' });
    expect(replay.stderr).toMatch(new RegExp(`${samples} samples of 9 channels in .* all acknowledged`));
    const added = await subscriber.until((m) => m.type === 'added' && m.id === id);
    await subscriber.until((m) => m.type === 'trend' && m.seq + m.trend[0].length === samples);
    const batch = await applied();
    expect(bits(collected(subscriber, added.streams[0].slot))).toEqual(bits(batch));
  });
});

const python = pythonPath();

/** Runs docs/client.py. @returns what it prints, once it has ended */
function pythonClient(...args: string[]): Promise<string> {
  const child = spawn(python!, [join(root, 'docs/client.py'), ...args]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      said[name] += chunk.toString();
    });
  }
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0 && said.stderr === '') resolve(said.stdout);
      else reject(new Error(`client.py ended with ${code}: ${said.stderr}`));
    });
  });
}

describe.skipIf(python === undefined)(
  `a Python client written from docs/protocol.md alone${python === undefined ? ` [skipped: ${whyNoPython()}]` : ''}`,
  () => {
    test.each([
      ['json', 'bin'],
      ['bin', 'json'],
    ] as const)(
      'publishes in %s and subscribes in %s: the trends are those of apply, bit for bit',
      async (publish, subscribe) => {
        const daemon = await serveProcess(['--model', 'gait@1']);
        const file = join(await temporaryFolder(), 'samples.csv');
        const lines = Array.from({ length: samples }, (_, i) => values.map((plane) => plane[i]).join());
        await writeFile(file, [names.join(), ...lines, ''].join('\n'));
        const follower = pythonClient(daemon.url, subscribe, 'subscribe', 'python', String(samples));
        const watcher = await rawClient(daemon.url);
        await expect.poll(() => connections(daemon.url), { timeout: 20_000 }).toBe(2);
        await pythonClient(daemon.url, publish, 'publish', 'python', '64', file);
        const printed = (await follower)
          .trim()
          .split('\n')
          .map((line) => line.split(' '));
        expect(printed.map(([seq]) => Number(seq))).toEqual(Array.from({ length: samples }, (_, i) => i));
        const trends = values.map((_, c) => Float32Array.from(printed, (row) => Number(row[c + 1])));
        expect(bits(trends)).toEqual(bits(await applied()));
        watcher.socket.terminate();
      },
    );
  },
);

async function connections(url: string): Promise<number> {
  const status = await fetch(url.replace('ws:', 'http:').replace('/v1', '/readyz'));
  return ((await status.json()) as { connections: number }).connections;
}

test('the Python client that ships has fewer than 60 lines and imports nothing but websockets and the library', async () => {
  const text = await readFile(join(root, 'docs/client.py'), 'utf8');
  expect(text.trimEnd().split('\n').length).toBeLessThan(60);
  expect([...text.matchAll(/^(?:import|from) (.*)$/gm)].map((match) => match[1])).toEqual([
    'asyncio, csv, json, struct, sys, time',
    'websockets.asyncio.client import connect',
  ]);
});
