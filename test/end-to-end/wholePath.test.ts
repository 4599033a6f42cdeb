import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
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
test.skipIf(python === undefined)(
  `a Python client written from docs/protocol.md alone gets the same trends${python === undefined ? ` [skipped: ${whyNoPython()}]` : ''}`,
  async () => {
    const daemon = await serveProcess(['--model', 'gait@1']);
    const out = join(await temporaryFolder(), 'trends.f32');
    const script = join(root, 'test/end-to-end/pythonClient.py');
    const child = spawn(python!, [script, daemon.url, recordingFile, out], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(errors).toBe('');
    expect(code).toBe(0);
    const bytes = await readFile(out);
    const batch = await applied();
    expect(Buffer.concat(bits(batch)).equals(bytes)).toBe(true);
  },
);
