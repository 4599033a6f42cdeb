import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { run } from '../../src/cli/run.ts';
import type { FilterJob, TrendBlock, TrendFilter } from '../../src/filter/trendFilter.ts';
import { integer, randomFrom } from '../filter/support.ts';
import { firtrend, root } from '../support/command.ts';
import { counts, seed } from '../support/counts.ts';
import { repositoryWith, sampleTaps, temporaryFolder } from '../support/models.ts';

const gait = join(root, 'recordings/gait-accelerometer.csv');

test('on the shipped recording: equal, and as far from float64 as NumPy says that apply is', async () => {
  const { code, stdout } = await firtrend(['verify', 'gait', gait, '--json']);
  expect(code).toBe(0);
  expect(stdout.trim().split('\n')).toHaveLength(1);
  const found = JSON.parse(stdout);
  expect(Object.keys(found)).toEqual(['samples', 'cuts', 'equal', 'maxDifference', 'fingerprint']);
  expect(found).toMatchObject({
    samples: 7040,
    equal: true,
    fingerprint: expect.stringMatching(/^onnxruntime /),
  });
  expect(found.cuts).toBeGreaterThan(1000);
  const out = join(await temporaryFolder(), 'trends.csv');
  await firtrend(['apply', 'gait', gait, '--out', out]);
  const trends = (await readFile(out, 'utf8')).trim().split('\n').slice(1);
  const bytes = readFileSync(join(root, 'test/golden/gait-trends.f64'));
  const golden = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  let largest = 0;
  for (const [n, line] of trends.entries()) {
    for (const [c, cell] of line.split(',').slice(1).entries()) {
      largest = Math.max(largest, Math.abs(Math.fround(Number(cell)) - golden[c * trends.length + n]!));
    }
  }
  expect(Math.abs(found.maxDifference - largest)).toBeLessThan(1e-9);
});

test('says in words what it did; another seed cuts otherwise, the same one the same', async () => {
  const outputs = await Promise.all(
    ['7', '7', '8'].map((n) => firtrend(['verify', 'gait', gait, '--seed', n])),
  );
  for (const { code, stdout } of outputs) {
    expect(code).toBe(0);
    expect(stdout).toMatch(/^7040 samples of 9 channels in \d+ frames \(seed [78]\)$/m);
    expect(stdout).toMatch(/^streaming equals batch, bit for bit$/m);
    expect(stdout).toMatch(/^largest difference from float64: \S+ in \S+, where \S+ is allowed$/m);
  }
  expect(outputs[0]!.stdout).toBe(outputs[1]!.stdout);
  expect(outputs[0]!.stdout).not.toBe(outputs[2]!.stdout);
});

test(`missing samples, gaps, infinities and overflows are no differences (seed ${seed})`, async () => {
  const random = randomFrom(seed);
  const rows: string[] = [];
  for (let n = 0; n < 3000; n += random() < 0.01 ? integer(random, 2, 700) : 1) {
    const cells = [0, 1].map(() =>
      random() < 0.05 ? ['', 'NaN', '1e39', '-1e300'][integer(random, 0, 3)] : 100 * random(),
    );
    rows.push([n / 10, ...cells].join());
  }
  const file = join(await temporaryFolder(), 'holes.csv');
  await writeFile(file, `time,a,b\n${rows.join('\n')}\n`);
  const models = await repositoryWith(sampleTaps(65));
  const { code, stdout, stderr } = await firtrend(['verify', 'test', file, '--models', models, '--json']);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/, [1-9]\d* rows missing$/m);
  expect(JSON.parse(stdout)).toMatchObject({ samples: rows.length, equal: true });
});

test('refuses what does not fit as apply does', async () => {
  const models = await repositoryWith(sampleTaps(9), { channels: ['a', 'b'] });
  const { code, stderr } = await firtrend(['verify', 'test', gait, '--models', models]);
  expect([code, stderr]).toEqual([1, expect.stringContaining('error: columns: expected a, b')]);
  expect(await firtrend(['verify', 'nope', gait])).toMatchObject({ code: 1 });
  expect(await firtrend(['verify', 'gait'])).toMatchObject({ code: 2 });
});

/** What the engine of the next command answers, once it has made the batch. */
let spoil: ((blocks: readonly TrendBlock[], jobs: readonly FilterJob[]) => void) | undefined;

vi.mock('../../src/filter/trendFilter.ts', async (original) => {
  const real = await original<typeof import('../../src/filter/trendFilter.ts')>();
  return {
    ...real,
    createTrendFilter: async (...args: Parameters<typeof real.createTrendFilter>): Promise<TrendFilter> => {
      const filter = await real.createTrendFilter(...args);
      return {
        ...filter,
        async run(jobs) {
          const blocks = await filter.run(jobs);
          spoil?.(blocks, jobs);
          return blocks;
        },
      };
    },
  };
});

describe('an engine that is not exact', () => {
  afterEach(() => {
    spoil = undefined;
    vi.restoreAllMocks();
  });

  async function verified(...flags: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const told = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      vi.spyOn(process[stream], 'write').mockImplementation((text) => {
        told[stream] += String(text);
        return true;
      });
    }
    const code = await run(['verify', 'gait', gait, '--models', join(root, 'models'), ...flags]);
    vi.restoreAllMocks();
    return { code, ...told };
  }

  test(`is found by one last bit in one of its answers, and told by channel and sample (seed ${seed})`, async () => {
    const random = randomFrom(seed);
    for (let i = 0; i < counts(5, 100); i++) {
      // The batch of 7,040 rows is two calls.
      let callsToGo = 2 + integer(random, 0, 300);
      spoil = (blocks, jobs) => {
        if (--callsToGo >= 0) return;
        // A foreign stream's trends, of one channel, are nobody's.
        const mine = blocks.filter((_, job) => jobs[job]!.window.channels === 9);
        if (mine.length === 0) return;
        const { trend } = mine[integer(random, 0, mine.length - 1)]!;
        new Int32Array(trend.buffer, trend.byteOffset, trend.length)[integer(random, 0, trend.length - 1)]! ^=
          1;
        callsToGo = Number.POSITIVE_INFINITY;
      };
      const { code, stdout, stderr } = await verified('--json', '--seed', String(i));
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ equal: false });
      expect(stderr).toMatch(
        /^error: trend of \S+ at sample \d+: expected \S+ as in batch, got \S+ when streamed$/m,
      );
    }
  });

  test('is found by a trend that is missing, and by one that should be', async () => {
    let call = -2;
    spoil = (blocks) => {
      if (++call > 0) for (const { trend } of blocks) trend[0] = Number.NaN;
    };
    const { code, stderr } = await verified();
    expect(code).toBe(1);
    expect(stderr).toMatch(/got NaN when streamed$/m);
  });

  test('is found where batch and stream agree and both are wrong', async () => {
    spoil = (blocks) => {
      for (const { trend } of blocks) {
        for (const [i, value] of trend.entries()) trend[i] = 1.001 * value;
      }
    };
    const { code, stdout, stderr } = await verified('--json');
    expect(JSON.parse(stdout)).toMatchObject({ equal: true });
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^error: trends: expected what float64 gives, got a difference of \S+ in /m),
    ]);
  });
});
