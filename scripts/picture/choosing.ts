/** Pictures and figures of docs/choosing.md: trainings of the built program on the shipped recording. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writePicture } from './svg.ts';

const gait = 'recordings/gait-accelerometer.csv';
const folder = mkdtempSync(join(tmpdir(), 'firtrend-pictures-'));

interface Trained {
  readonly model: { readonly path: string };
  readonly kernels: readonly { readonly taps: readonly number[] }[];
  readonly guarantees: { readonly lag: number; readonly noiseGain: number };
  readonly loss: { readonly train: Losses; readonly heldOut: Losses | null };
}
type Losses = Readonly<Record<'learned' | 'ema' | 'sma' | 'ramp' | 'newest' | 'free', number>>;

function firtrend(...args: string[]): string {
  return execFileSync(process.execPath, ['dist/cli/main.js', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 26,
  });
}

function train(file: string, ...options: string[]): Trained {
  return JSON.parse(
    firtrend('train', file, '--models', folder, '--name', 'm', '--json', ...options),
  ) as Trained;
}

function trendOf(trained: Trained, file: string, column: string, ...options: string[]): number[] {
  const out = join(folder, 'trend.csv');
  firtrend('apply', trained.model.path, file, '--out', out, '--columns', column, ...options);
  return columnOf(out, column);
}

function columnOf(file: string, column: string): number[] {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  const at = head.split(',').indexOf(column);
  return lines.map((line) => Number(line.split(',')[at]));
}

const digits = (value: number): string => value.toPrecision(3);
const show = (...cells: (string | number)[]): void => console.log(`| ${cells.join(' | ')} |`);

/** What a period means: the same walk through three of them. */
export async function periods(): Promise<void> {
  const column = 'ankle_vert';
  const [from, to] = [2100, 2560];
  const at = (values: readonly number[]): [number, number][] =>
    values.slice(from, to).map((value, i) => [(from + i) / 64, value]);
  const trends = [8, 32, 128].map((period) => {
    const trained = train(gait, '--target', `smooth:${period}`);
    const { lag, noiseGain } = trained.guarantees;
    show(
      `smooth:${period}`,
      2 * period + 1,
      `${digits(lag)} (${Math.round((lag / 64) * 1000)} ms)`,
      digits(noiseGain),
    );
    return trendOf(trained, gait, column);
  });
  const style = [
    { colour: 'green', dashed: false },
    { colour: 'trend', dashed: false },
    { colour: 'target', dashed: false },
  ] as const;
  await writePicture(
    {
      id: 'periods',
      title: 'Three periods',
      label:
        'A walk as it was recorded, and the trends of kernels trained for smooth:8, smooth:32 and smooth:128',
      x: { name: 'time (s)' },
      y: { name: 'acceleration (milli-g)' },
      series: [
        { name: 'raw', colour: 'raw', width: 1, points: at(columnOf(gait, column)) },
        ...[8, 32, 128].map((period, i) => ({
          name: `smooth:${period}`,
          ...style[i]!,
          points: at(trends[i]!),
        })),
      ],
    },
    'docs/pictures/periods.svg',
  );
}

/** What more taps give. */
export async function lengths(): Promise<void> {
  const taps = [5, 9, 17, 33, 65, 129, 257];
  const found = taps.map((k) => ({ k, ...train(gait, '--taps', String(k)).loss.heldOut! }));
  for (const { k, learned, ramp, sma, ema } of found) show(k, ...[learned, ramp, sma, ema].map(digits));
  const line = (name: keyof Losses) => found.map((losses): [number, number] => [losses.k, losses[name]]);
  await writePicture(
    {
      id: 'lengths',
      title: 'How long',
      label:
        'Held-out loss by the number of taps, of the learned kernel, the best ramp, moving and exponential average',
      x: { name: 'taps K', log: 2 },
      y: { name: 'held-out loss (1: no filter)', min: 0 },
      series: [
        { name: 'learned', colour: 'trend', points: line('learned') },
        { name: 'best ramp', colour: 'target', points: line('ramp') },
        { name: 'best moving average', colour: 'green', points: line('sma') },
        { name: 'best exponential average', colour: 'purple', points: line('ema'), dashed: true },
      ],
    },
    'docs/pictures/lengths.svg',
  );
}

/** What less lag costs. */
export async function lags(): Promise<void> {
  const found = [1, 2, 3, 4, 5, 6, 8].map((most) => {
    const { loss, guarantees } = train(gait, '--max-lag', String(most));
    return { most, lag: guarantees.lag, noiseGain: guarantees.noiseGain, ...loss.heldOut! };
  });
  for (const { most, lag, learned, sma, noiseGain } of found)
    show(most, digits(lag), Math.round((lag / 64) * 1000), digits(learned), digits(sma), digits(noiseGain));
  await writePicture(
    {
      id: 'lags',
      title: 'What less lag costs',
      label:
        'Held-out loss by the largest lag allowed, of the learned kernel and of the best moving average within it',
      x: { name: '--max-lag (samples)', min: 0 },
      y: { name: 'held-out loss (1: no filter)', min: 0 },
      series: [
        { name: 'learned', colour: 'trend', points: found.map(({ most, learned }) => [most, learned]) },
        { name: 'best moving average', colour: 'green', points: found.map(({ most, sma }) => [most, sma]) },
      ],
    },
    'docs/pictures/lags.svg',
  );
}

/** Weights, newest first, of the least-squares line through K samples, read at the newest one: Σ w = 1, lag 0. */
function localLine(k: number): number[] {
  return Array.from({ length: k }, (_, j) => (2 * (2 * k - 1) - 6 * j) / (k * (k + 1)));
}

function filtered(w: readonly number[], x: readonly number[]): number[] {
  return x.map((_, n) => {
    const from = Math.min(n, w.length - 1);
    let sum = 0;
    let weight = 0;
    for (let j = 0; j <= from; j++) {
      sum += w[j]! * x[n - j]!;
      weight += w[j]!;
    }
    return sum / weight;
  });
}

/** Gaussian, from a seed (mulberry32, Box–Muller). */
function noise(count: number, seed: number): number[] {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );
}

/** Where a zero-lag filter wins, and where it loses: known truth, noise of 1, K = 65. */
export async function limits(): Promise<void> {
  const n = 20_000;
  const k = 65;
  const wander = noise(n, 7);
  const cases: Record<string, (i: number) => number> = {
    'a sine of amplitude 10, 2,000 samples long': (i) => 10 * Math.sin((2 * Math.PI * i) / 2000),
    'the same, 500 samples long': (i) => 10 * Math.sin((2 * Math.PI * i) / 500),
    'a triangle, 0.05 a sample up, then down, 2,000 samples long': (i) => 0.05 * Math.abs((i % 2000) - 1000),
    'a level that steps by 5 every 300': (i) => 5 * (Math.floor(i / 300) % 2),
    'a random walk, steps of 0.2': walk(wander, 0.2),
    'a level that hardly moves, steps of 0.01': walk(wander, 0.01),
  };
  const jitter = noise(n, 1);
  for (const [name, of] of Object.entries(cases)) {
    const truth = Array.from({ length: n }, (_, i) => of(i));
    const x = truth.map((value, i) => value + jitter[i]!);
    const file = join(folder, 'case.csv');
    writeFileSync(file, `x,y\n${x.map((value, i) => `${value},${truth[i]}`).join('\n')}\n`);
    const trained = train(file, '--rate', '1', '--columns', 'x', '--target', 'column:y', '--taps', String(k));
    const own = trendOf(trained, file, 'x', '--rate', '1');
    const best = [9, 17, 33, 65]
      .map((length) => ({ length, error: rms(filtered(localLine(length), x), truth) }))
      .reduce((a, b) => (b.error < a.error ? b : a));
    show(
      name,
      digits(rms(x, truth)),
      `${digits(rms(own, truth))} (lag ${digits(trained.guarantees.lag)})`,
      `${digits(best.error)} (K = ${best.length})`,
    );
  }

  const shape = Array.from({ length: 400 }, (_, i) => (i < 60 ? 0 : i < 260 ? (i - 60) * 0.05 : 4));
  const kernel = trendKernel(k);
  const points = (values: readonly number[]): [number, number][] => values.map((value, i) => [i, value]);
  await writePicture(
    {
      id: 'limits',
      title: 'Lag against overshoot',
      label:
        'A ramp, then a step down to a level: a kernel of the class lags behind the ramp, a local line overshoots at the step',
      x: { name: 'time (samples)' },
      y: { name: 'value' },
      series: [
        { name: 'signal', colour: 'raw', points: points(shape), width: 2 },
        { name: 'kernel (moving average of 33)', colour: 'trend', points: points(filtered(kernel, shape)) },
        { name: 'local line of 65', colour: 'target', points: points(filtered(localLine(k), shape)) },
      ],
    },
    'docs/pictures/limits.svg',
  );
}

const trendKernel = (k: number): number[] => Array.from({ length: (k + 1) / 2 }, () => 2 / (k + 1));

function walk(steps: readonly number[], size: number): (i: number) => number {
  let level = 0;
  const levels = steps.map((step) => {
    level += size * step;
    return level;
  });
  return (i) => levels[i]!;
}

/** Over the last fifth, which no training saw. */
function rms(values: readonly number[], truth: readonly number[]): number {
  const from = Math.floor(0.8 * truth.length);
  let sum = 0;
  for (let i = from; i < truth.length; i++) sum += (values[i]! - truth[i]!) ** 2;
  return Math.sqrt(sum / (truth.length - from));
}

/** @returns when the temporary models are gone */
export function cleanUp(): void {
  rmSync(folder, { recursive: true });
}
