/** Many streams in one engine: who is there at a tick, and what a frame then costs. */
import type { FilterJob, TrendFilter } from '../../../src/filter/trendFilter.ts';
import { createTrendFilter } from '../../../src/filter/trendFilter.ts';
import { sampleTaps } from '../../../test/support/models.ts';
import { type Contender, medians, table } from '../measure.ts';
import { device } from './ours.ts';
import { planesOf } from './signals.ts';
import type { Limits } from './speed.ts';

const channels = 8;

/** Uniform in [0, 1), the same at every run (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Ticks of a daemon: at each the frames of some of `streams`. `pick` says whose, in order of arrival. */
function ticking(
  name: string,
  filter: TrendFilter,
  streams: number,
  rows: number,
  pick: (random: () => number) => number[],
): Contender {
  const windows = Array.from({ length: streams }, () => filter.createWindow(channels));
  const planes = planesOf(channels, 0, rows);
  // Longer than the kernel, as streams are: nothing of their beginning is in the windows.
  for (const window of windows)
    for (let i = 0; i < window.capacity + rows; i += rows) window.push(planes, rows);
  const random = randomFrom(7);
  // Drawn beforehand: the drawing is not the engine's.
  const ticks = Array.from({ length: 50 }, () =>
    pick(random).map((s): FilterJob => ({ window: windows[s]!, gap: 0, planes, rows })),
  );
  let next = 0;
  return { name, run: () => filter.run(ticks[next++ % ticks.length]!) };
}

const everyone = (streams: number) => (): number[] => Array.from({ length: streams }, (_, s) => s);

const half =
  (streams: number) =>
  (random: () => number): number[] => {
    const order = everyone(streams)();
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order.slice(0, streams >> 1);
  };

/** So many frames of streams drawn at random: of few streams several come at once. */
const some =
  (streams: number, frames: number) =>
  (random: () => number): number[] =>
    Array.from({ length: frames }, () => Math.floor(random() * streams));

export async function benchStreams({ rounds, budget, quick }: Limits): Promise<string> {
  const lines: (string | number)[][] = [];
  for (const K of quick ? [65] : [65, 257]) {
    for (const rows of [1, 16]) {
      const filter = await createTrendFilter([{ taps: sampleTaps(K), bias: 0 }], { device });
      const cases: readonly (readonly [string, number, Contender])[] = [
        ['128 streams, all at each tick', 128, ticking('all', filter, 128, rows, everyone(128))],
        ['128 streams, a random half', 64, ticking('half', filter, 128, rows, half(128))],
        ['10 streams, 50 frames at each tick', 50, ticking('few', filter, 10, rows, some(10, 50))],
        ['10,000 streams, 50 frames', 50, ticking('many', filter, 10_000, rows, some(10_000, 50))],
        ['one stream, one frame', 1, ticking('one', filter, 1, rows, everyone(1))],
      ];
      const ms = await medians(
        cases.map(([, , contender]) => contender),
        { rounds, budget },
      );
      const few = ms.get('few')! / 50;
      for (const [what, frames, { name }] of cases) {
        const call = ms.get(name)!;
        const frame = call / frames;
        lines.push([
          K,
          `${channels} × ${rows}`,
          what,
          (call * 1000).toFixed(0),
          (frame * 1000).toFixed(2),
          `${(frame / few).toFixed(2)} ×`,
        ]);
      }
      await filter.release();
    }
  }
  return table(
    ['K', 'channels × rows', 'who comes', 'a call (µs)', 'a frame (µs)', 'that of 10 streams'],
    lines,
  );
}
