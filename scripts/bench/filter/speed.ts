/**
 * One engine call beside everybody else's: K = 33 … 513, 64 and 1,024 channels in frames of 1, 16 and 256. Ours keeps
 * its windows; the others' input is ready, but for PyTorch with a window of its own.
 */
import { sampleTaps } from '../../../test/support/models.ts';
import { type Contender, medians, table } from '../measure.ts';
import { filtersOf, streaming, trendsOf } from './ours.ts';
import type { PythonPeers } from './python.ts';
import { conv1d, conv2d, plainLoop } from './runtime.ts';
import { holedPlanesOf, planesOf } from './signals.ts';

export interface Limits {
  readonly rounds: number;
  /** For each row of the table, in ms. */
  readonly budget: number;
  readonly quick: boolean;
}

/** `[K, channels, rows]` of each row. */
function cases(quick: boolean): [number, number, number][] {
  const all = [33, 129, 257, 513].flatMap((K) =>
    [64, 1024].flatMap((channels) =>
      [1, 16, 256].map((rows) => [K, channels, rows] as [number, number, number]),
    ),
  );
  return quick ? all.filter(([K, channels, rows]) => K < 513 && channels === 1024 && rows === 16) : all;
}

const columns = ['conv1d', 'conv2d', 'torch', 'torch window', 'lfilter', 'loop'] as const;

export async function benchSpeed(limits: Limits, python: PythonPeers | undefined): Promise<string> {
  const lines: (string | number)[][] = [];
  for (const [K, channels, rows] of cases(limits.quick)) {
    const ms = await measured(K, channels, rows, limits, python);
    const ours = ms.get('shared')!;
    const ratio = (name: string): string => {
      const time = ms.get(name);
      return time === undefined ? '–' : (time / ours).toFixed(2);
    };
    lines.push([
      K,
      `${channels} × ${rows}`,
      (ours * 1000).toFixed(0),
      `${ratio('perChannel')} ×`,
      `${ratio('holes')} ×`,
      ...columns.map(ratio),
    ]);
  }
  return table(
    [
      'K',
      'channels × rows',
      'ours, shared (µs)',
      'per channel',
      '1 % missing',
      ...['1-D Conv', '2-D Conv', 'PyTorch', 'PyTorch + window', 'SciPy', 'JS loop'].map(
        (name) => `${name} ÷ ours`,
      ),
    ],
    lines,
  );
}

async function measured(
  K: number,
  channels: number,
  rows: number,
  { rounds, budget }: Limits,
  python: PythonPeers | undefined,
): Promise<Map<string, number>> {
  const taps = sampleTaps(K);
  const { shared, perChannel } = await filtersOf(taps, channels);
  const holed = await filtersOf(taps, 16);
  const x = planesOf(channels, 0, K - 1 + rows);
  const peers = [
    await conv1d(taps, channels, x),
    await conv2d(taps, channels, x),
    plainLoop(taps, channels, x),
  ];
  const prepared = await python?.prepare(taps, channels, x);
  const expected = await trendsOf(shared, channels, x, rows);
  const results = new Map(prepared?.results);
  for (const peer of peers) results.set(peer.name, await peer.result());
  results.set('per channel', await trendsOf(perChannel, channels, x, rows));
  for (const [name, result] of results) checkEqual(name, result, expected, (K + 2) * 2 ** -24 * 110);

  // What comes repeats after some frames, but with another window behind it each time.
  const some = Array.from({ length: 7 }, (_, i) => planesOf(channels, i * rows, rows));
  const holes = Array.from({ length: 7 }, (_, i) => holedPlanesOf(channels, i * rows, rows));
  const contenders: Contender[] = [
    await streaming('shared', shared, channels, some),
    await streaming('perChannel', perChannel, channels, some),
    await streaming('holes', holed.shared, channels, holes),
    ...peers,
    ...(prepared?.contenders ?? []),
  ];
  const ms = await medians(contenders, { rounds, budget });
  await Promise.all(
    [...peers, shared, perChannel, holed.shared, holed.perChannel].map((one) => one.release()),
  );
  return ms;
}

/** @param tolerance of values up to 110 */
function checkEqual(name: string, got: Float32Array, expected: Float32Array, tolerance: number): void {
  if (got.length !== expected.length)
    throw new Error(`bench: ${name} gave ${got.length} of ${expected.length}`);
  for (let i = 0; i < got.length; i++) {
    if (Math.abs(got[i]! - expected[i]!) <= 2 * tolerance) continue;
    throw new Error(`bench: ${name}, output ${i}: ${got[i]}, ours ${expected[i]}`);
  }
}
