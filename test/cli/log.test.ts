import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultLogFolder } from '../../src/log/logPlace.ts';
import type { SampleLog } from '../../src/log/sampleLog.ts';
import { segmentLog } from '../../src/log/segmentLog.ts';
import { readRecording } from '../../src/train/readRecording.ts';
import { filterRecord, samplesRecord } from '../log/contract.ts';
import { firtrend } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';

const rate = 64;
const period = 1000 / rate;
const offset = 101325.25;

/** Sample of channel c at seq n, as the producer sent it: less the offset. */
const sent = (c: number, n: number): number => Math.fround(Math.sin(n / 9 + c) * (c + 1));

/** A stream of two channels with a gap of 5, a missing sample, and times late by up to two periods. */
async function fill(log: SampleLog): Promise<void> {
  const channels = [
    { name: 'level', unit: 'Pa', offset },
    { name: 'flow, "raw"', offset: 0 },
  ];
  await log.commit([
    { type: 'stream', stream: 'site/pump', epoch: '00000000000000e1', channels, rate },
    filterRecord('site/pump', 0, 'gait'),
  ]);
  for (let frame = 0; frame < 60; frame++) {
    const seq = frame * 10 + (frame >= 30 ? 5 : 0);
    const planes = Float32Array.from({ length: 20 }, (_, i) => sent(Math.floor(i / 10), seq + (i % 10)));
    if (frame === 3) planes[4] = Number.NaN;
    const time = 1763e9 + seq * period + (frame % 7 === 3 ? 2 * period : 0);
    await log.commit([{ ...samplesRecord('site/pump', seq, 10), planes, time, period }]);
  }
}

async function filled(): Promise<{ folder: string; log: SampleLog; option: string[] }> {
  const folder = join(await temporaryFolder(), 'log');
  const log = await segmentLog(folder, { segmentBytes: 4096 });
  await fill(log);
  return { folder, log, option: ['--log', `file:${folder}`] };
}

describe('firtrend log', () => {
  test('list: streams and what is held of them, beside the daemon that writes', async () => {
    const { log, option } = await filled();
    const { code, stdout } = await firtrend(['log', 'list', ...option, '--json']);
    const listed = JSON.parse(stdout) as { streams: unknown[]; segments: unknown[]; writer: unknown };
    expect(code).toBe(0);
    expect(listed.streams).toMatchObject([
      { name: 'site/pump', rate, oldestSeq: 0, nextSeq: 605, filter: 'gait@1', proven: true },
    ]);
    expect(listed.segments.length).toBeGreaterThan(1);
    expect(listed.writer).toMatchObject({ sync: 'full', closed: false });
    const text = await firtrend(['log', 'list', ...option]);
    expect(text.stdout).toMatch(/^site\/pump: \[0, 605\) until 2025-.*, 2 × 64 Hz, gait@1\n$/);
    await log.close();
  });

  for (const ending of ['csv', 'parquet']) {
    test(`export: a ${ending} recording with the log's own numbering and the sensor's values`, async () => {
      const { folder, log, option } = await filled();
      const out = join(folder, `../out.${ending}`);
      const { code, stdout } = await firtrend([
        'log',
        'export',
        'site/pump',
        ...option,
        '--out',
        out,
        '--json',
      ]);
      expect([code, JSON.parse(stdout)]).toEqual([0, { stream: 'site/pump', out, rows: 600, damaged: 0 }]);
      const recording = await readRecording(out);
      expect(recording.channels).toEqual(['level', 'flow, "raw"']);
      expect(recording.rate).toBeCloseTo(rate, 6);
      const seqs = Array.from({ length: 605 }, (_, seq) => seq).filter((seq) => seq < 300 || seq >= 305);
      expect([...recording.seqs]).toEqual(seqs);
      for (const seq of seqs) {
        expect(recording.values[0]![seq]).toBe(seq === 34 ? Number.NaN : offset + sent(0, seq));
        expect(Math.fround(recording.values[1]![seq]!)).toBe(sent(1, seq));
      }
      // With the offset taken off again, the very bits that were sent.
      const again = await readRecording(out, { offset: [offset, 0] });
      expect(again.values[0]![20]).toBe(sent(0, 20));
      await log.close();
    });
  }

  test('export: a range, to stdout; times as they were logged', async () => {
    const { log, option } = await filled();
    const args = ['log', 'export', 'site/pump', ...option, '--from', '28', '--to', '32', '--out', '-'];
    const { stdout, stderr } = await firtrend(args);
    const at = (seq: number, late = 0): string =>
      new Date(1763e9 + seq * period + late).toISOString().slice(0, -1);
    const lines = stdout.split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[0]).toBe('time,level,"flow, ""raw"""');
    expect(lines[2]).toContain(at(29));
    expect(stderr).toContain('4 samples of site/pump in -');
    const logged = await firtrend([...args, '--logged-times']);
    expect(logged.stdout.split('\n')[3]).toContain(at(30, 2 * period));
    await log.close();
  });

  test('check: exit code 1 and the place where something is damaged', async () => {
    const { folder, log, option } = await filled();
    await log.close();
    const whole = await firtrend(['log', 'check', ...option, '--json']);
    expect([whole.code, JSON.parse(whole.stdout)]).toMatchObject([
      0,
      { streams: 1, samples: 1200, damaged: [], lost: [] },
    ]);
    const [name] = (await readdir(folder)).filter((each) => each.endsWith('.segment'));
    const path = join(folder, name!);
    const bytes = await readFile(path);
    bytes[bytes.length - 20]! ^= 1;
    await writeFile(path, bytes);
    const { code, stdout, stderr } = await firtrend(['log', 'check', ...option]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /segment 1: bytes \[\d+, \d+\) are damaged\nsite\/pump: samples \[\d+, \d+\) are lost/,
    );
    expect(stderr).toContain('error:');
    const out = join(folder, '../part.csv');
    const exported = await firtrend(['log', 'export', 'site/pump', ...option, '--out', out, '--json']);
    expect(exported.code).toBe(0);
    expect(JSON.parse(exported.stdout)).toMatchObject({ rows: 590, damaged: 10 });
    expect(exported.stderr).toMatch(/samples \[\d+, \d+\) are damaged and left out/);
  });

  test('check: an unfinished commit at the end is no damage', async () => {
    const { folder, log, option } = await filled();
    await log.close();
    const last = (await import('node:fs'))
      .readdirSync(folder)
      .filter((each) => each.endsWith('.segment'))
      .at(-1)!;
    await appendFile(join(folder, last), Buffer.alloc(40, 7));
    const { code, stdout } = await firtrend(['log', 'check', ...option, '--json']);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { unfinished: 40, damaged: [] }]);
  });

  test('new-epoch: refused while a daemon runs; then nothing is proven', async () => {
    const { folder, log, option } = await filled();
    const refused = await firtrend(['log', 'new-epoch', ...option]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`process ${process.pid}`);
    await log.close();
    const { code, stdout } = await firtrend(['log', 'new-epoch', ...option, '--json']);
    expect([code, JSON.parse(stdout)]).toEqual([0, { streams: ['site/pump'] }]);
    const next = await segmentLog(folder);
    expect(next.head('site/pump')?.proven).toBe(false);
    await next.close();
  });

  test('misuse and what is not there are said', async () => {
    const { log, option } = await filled();
    await log.close();
    const cases: [string[], number, RegExp][] = [
      [['log', 'list', '--log', '/tmp'], 2, /Expected file:DIR/],
      [['log', 'list', '--log', 'file:/nowhere'], 1, /\/nowhere: expected the folder of a log/],
      [
        ['log', 'export', 'site/pumm', ...option, '--out', '-'],
        1,
        /no stream "site\/pumm"; did you mean site\/pump\?/,
      ],
      [['log', 'export', 'site/pump', ...option], 2, /--out/],
      [['log', 'export', 'site/pump', ...option, '--out', '-', '--from', '-1'], 2, /whole number/],
    ];
    for (const [args, code, message] of cases) {
      const outcome = await firtrend(args);
      expect([outcome.code, outcome.stderr]).toEqual([code, expect.stringMatching(message)]);
    }
  });
});

test('the default folder: of the service manager, else of the user', () => {
  expect(defaultLogFolder({ STATE_DIRECTORY: '/var/lib/firtrend:/var/lib/other' })).toBe('/var/lib/firtrend');
  expect(defaultLogFolder({ XDG_STATE_HOME: '/home/u/state' })).toBe('/home/u/state/firtrend');
  expect(defaultLogFolder({})).toMatch(/\/\.local\/state\/firtrend$/);
});
