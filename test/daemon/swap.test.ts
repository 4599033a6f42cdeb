import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FilterBank, filterBank } from '../../src/daemon/ingest/filterBank.ts';
import { type TrendMaker, trendMaker } from '../../src/daemon/ingest/trendMaker.ts';
import { maxTaps } from '../../src/dsp/kernel.ts';
import { memoryLog } from '../../src/log/memoryLog.ts';
import type { FilterRecord, LogRecord } from '../../src/log/sampleLog.ts';
import {
  coverageOf,
  cpu,
  firstDifference,
  integer,
  oneShot,
  randomFrom,
  randomKernel,
  randomPlanes,
  rowsOf,
} from '../filter/support.ts';
import { counts, seed } from '../support/counts.ts';

type Made = Awaited<ReturnType<TrendMaker['make']>>[number];

let bank: FilterBank;
const reached = { swaps: 0, grown: 0, shrunk: 0, twoAtOnce: 0, unfiltered: 0, rows: 0, replayed: 0 };
beforeAll(() => {
  bank = filterBank(cpu);
});
afterAll(async () => {
  await bank.close();
  process.stdout.write(`swaps reached ${JSON.stringify(reached)}\n`);
  for (const [what, times] of Object.entries(reached)) expect(times, what).toBeGreaterThan(20);
});

/** A kernel that serves a stream of so many channels, alike for the same number. */
function kernel(number: number, channels: number): Omit<FilterRecord, 'stream' | 'seq'> {
  const random = randomFrom(number);
  const taps = [1, 2, 17, 65, 129, 513][integer(random, 0, 5)]!;
  const kernels = Array.from({ length: random() < 0.4 ? channels : 1 }, () => randomKernel(random, taps));
  const sha256 = `${number} for ${channels}`;
  return {
    type: 'filter',
    kernels,
    sha256,
    model: 'm',
    version: number,
    minCoverage: 1 / (2 * taps),
    fingerprint: 'f',
  };
}

/** One stream: what is sent of it, and which kernel is in force from where on. */
interface Story {
  readonly name: string;
  readonly channels: number;
  /** `[channel][row]`, NaN in the gaps. */
  readonly planes: Float32Array;
  readonly records: readonly LogRecord[];
  /** In force from `seq` on; undefined is none. */
  readonly kernels: readonly { readonly seq: number; readonly kernel: number | undefined }[];
}

function tell(random: () => number, name: string): Story {
  const channels = [1, 2, 3, 5][integer(random, 0, 3)]!;
  const total = integer(random, 200, 900);
  const planes = randomPlanes(random, channels, total, random() < 0.5 ? 0.02 : 0);
  const kernels: { seq: number; kernel: number | undefined }[] = [];
  const records: LogRecord[] = [
    {
      type: 'stream',
      stream: name,
      epoch: '00000000000000e1',
      channels: Array.from({ length: channels }, (_, c) => ({ name: `c${c}`, offset: 0 })),
      rate: 10,
    },
  ];
  const swap = (seq: number): void => {
    const number = random() < 0.1 ? undefined : integer(random, 0, 7);
    if (kernels.at(-1)?.seq === seq) {
      kernels.pop();
      reached.twoAtOnce++;
    }
    kernels.push({ seq, kernel: number });
    records.push(
      number === undefined
        ? { type: 'unfiltered', stream: name, seq, reason: 'none' }
        : { ...kernel(number, channels), stream: name, seq },
    );
  };
  swap(0);
  for (let seq = 0; seq < total; ) {
    if (random() < 0.25) swap(seq);
    if (random() < 0.05) swap(seq);
    const gap = seq > 0 && random() < 0.1 ? Math.min(integer(random, 1, 40), total - seq - 1) : 0;
    for (let c = 0; c < channels; c++) planes.fill(Number.NaN, c * total + seq, c * total + seq + gap);
    const rows = Math.min(random() < 0.3 ? 1 : integer(random, 1, 60), total - seq - gap);
    const part = rowsOf(planes, total, seq + gap, rows);
    records.push({ type: 'samples', stream: name, seq: seq + gap, rows, planes: part, time: 0, period: 100 });
    seq += gap + rows;
  }
  return { name, channels, planes, records, kernels };
}

/** Mixes the records of streams, each in its order, and cuts them into batches. */
function batches(random: () => number, stories: readonly Story[]): LogRecord[][] {
  const next = stories.map(() => 0);
  const all: LogRecord[][] = [[]];
  for (;;) {
    const open = stories.flatMap(({ records }, s) => (next[s]! < records.length ? [s] : []));
    if (open.length === 0) return all.filter((batch) => batch.length > 0);
    const s = open[integer(random, 0, open.length - 1)]!;
    all.at(-1)!.push(stories[s]!.records[next[s]!++]!);
    if (random() < 0.3) all.push([]);
  }
}

/** What each kernel would have given had it run from the first sample on. */
async function alwaysGiven({ channels, planes, kernels }: Story, number: number) {
  expect(kernels.some((one) => one.kernel === number)).toBe(true);
  const filter = await bank.obtain(kernel(number, channels));
  const block = await oneShot(filter, planes, channels);
  return { trend: block.trend, coverage: coverageOf(block) };
}

async function expectAlwaysGiven(story: Story, made: readonly Made[]): Promise<void> {
  const { name, channels, planes, kernels } = story;
  const total = planes.length / channels;
  const whole = new Map<number, Awaited<ReturnType<typeof alwaysGiven>>>();
  for (const each of made) {
    if (!('samples' in each) || each.samples.stream !== name) continue;
    const { samples, trend } = each;
    const inForce = kernels.findLast(({ seq }) => seq <= samples.seq)!.kernel;
    if (inForce === undefined) {
      expect(trend).toBeUndefined();
      reached.unfiltered++;
      continue;
    }
    if (!whole.has(inForce)) whole.set(inForce, await alwaysGiven(story, inForce));
    const expected = whole.get(inForce)!;
    const where = `${name}, rows from ${samples.seq}, kernel ${inForce}`;
    const { seq, rows } = samples;
    expect(firstDifference(trend!.trend, rowsOf(expected.trend, total, seq, rows)), where).toBe(-1);
    expect(firstDifference(coverageOf(trend!), rowsOf(expected.coverage, total, seq, rows)), where).toBe(-1);
    reached.rows += rows;
  }
  for (const [i, { kernel: to }] of kernels.entries()) {
    const from = kernels[i - 1]?.kernel;
    if (from === undefined || to === undefined) continue;
    reached.swaps++;
    const [before, after] = [from, to].map((number) => kernel(number, channels).kernels[0]!.taps.length);
    if (after! > before!) reached.grown++;
    if (after! < before!) reached.shrunk++;
  }
}

test(`from a swap on the trend is, bit for bit, what the new kernel would always have given (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 4 }), async (from, streams) => {
      const random = randomFrom(from);
      const stories = Array.from({ length: streams }, (_, s) => tell(random, `s${s}`));
      // No more is kept than the longest kernel needs.
      const rule = { maxBytes: 1, keepSamples: maxTaps - 1 };
      const log = memoryLog();
      let maker = trendMaker(log, bank);
      const made: Made[] = [];
      for (const batch of batches(random, stories)) {
        made.push(...(await Promise.all([maker.make(batch), log.commit(batch)]))[0]);
        await log.trim(rule);
        if (random() < 0.05) {
          maker = trendMaker(log, bank);
          reached.replayed++;
        }
      }
      for (const story of stories) await expectAlwaysGiven(story, made);
    }),
    { seed, numRuns: counts(40, 2000) },
  );
});
