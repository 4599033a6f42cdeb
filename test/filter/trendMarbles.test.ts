/**
 * `trend` in virtual time. Promises do not keep virtual time, so a stand-in for the model answers with observables,
 * which `trend` takes as well; what the real one computes is in trend.test.ts.
 */
import { map, type Observable, throwError, timer } from 'rxjs';
import { expect, test } from 'vitest';
import type { Frame } from '../../src/dsp/frame.ts';
import { SampleWindow } from '../../src/filter/sampleWindow.ts';
import { trend } from '../../src/filter/trend.ts';
import type { FilterJob, TrendBlock, TrendFilter } from '../../src/filter/trendFilter.ts';
import { marbles } from './marbles.ts';

/** Doubles samples, `ms` after it is asked. */
function standIn(ms: number, answer?: (jobs: readonly FilterJob[]) => Observable<TrendBlock[]>) {
  const windows: SampleWindow[] = [];
  const calls: { readonly rows: number[]; readonly window: number }[] = [];
  const run = (jobs: readonly FilterJob[]) => {
    calls.push({ rows: jobs.map(({ rows }) => rows), window: windows.indexOf(jobs[0]!.window) });
    const blocks = jobs.map(({ planes }) => ({ trend: planes.map((x) => 2 * x), coverage: undefined }));
    return answer?.(jobs) ?? timer(ms).pipe(map(() => blocks));
  };
  const model = {
    taps: 3,
    channels: null,
    minCoverage: 0.1,
    fingerprint: 'stand-in',
    exact: true,
    createWindow: (channels: number) => {
      windows.push(new SampleWindow(channels, 2));
      return windows.at(-1)!;
    },
    run: run as unknown as TrendFilter['run'],
    release: () => Promise.resolve(),
  };
  return { model: model as TrendFilter, windows, calls };
}

/** Frames a, b, c, d of one row each, in order. */
const frames: Record<string, Frame> = Object.fromEntries(
  ['a', 'b', 'c', 'd'].map((name, seq) => [name, { seq, rows: 1, planes: Float32Array.of(seq + 1) }]),
);
const trends = Object.fromEntries(
  Object.entries(frames).map(([name, { seq, rows, planes }]) => [
    name,
    { seq, rows, trend: planes.map((x) => 2 * x), coverage: undefined },
  ]),
);

test('what comes during a call goes in the next one, and each frame has one trend, in order', () => {
  marbles(({ cold, expectObservable, flush, turn }) => {
    const { model, calls } = standIn(4);
    expectObservable(cold('a-bc------d|', frames).pipe(trend(model, turn))).toBe(
      '-----a---(bc)--(d|)',
      trends,
    );
    flush();
    expect(calls.map(({ rows }) => rows)).toEqual([[1], [1, 1], [1]]);
  });
});

test('an empty source ends at once, and asks for nothing', () => {
  marbles(({ cold, expectObservable, flush, turn }) => {
    const { model, calls, windows } = standIn(4);
    expectObservable(cold<Frame>('---|').pipe(trend(model, turn))).toBe('---|');
    flush();
    expect([calls, windows]).toEqual([[], []]);
  });
});

test('state is born in the subscription: two of one operator have a window each', () => {
  marbles(({ cold, hot, expectObservable, flush, turn }) => {
    const { model, windows, calls } = standIn(1);
    const source = hot('-a---b---c---d|', frames).pipe(trend(model, turn));
    expectObservable(source).toBe('---a---b---c---(d|)', trends);
    expectObservable(source, '--------^').toBe('-----------c---(d|)', trends);
    // The operator alone does nothing.
    cold('a|', frames).pipe(trend(model, turn));
    flush();
    expect(windows).toHaveLength(2);
    expect(calls.map(({ window }) => window)).toEqual([0, 0, 0, 1, 0, 1]);
  });
});

test('an error of the source passes at once, also during a call', () => {
  marbles(({ cold, expectObservable, turn }) => {
    expectObservable(cold('a-#', frames).pipe(trend(standIn(9).model, turn))).toBe('--#');
  });
});

test('an error of the engine ends it, with the trends before it', () => {
  marbles(({ cold, expectObservable, turn }) => {
    const failed = new Error('filterFailed');
    let calls = 0;
    const { model } = standIn(1, (jobs) =>
      calls++ === 0
        ? timer(1).pipe(
            map(() => jobs.map(({ planes }) => ({ trend: planes.map((x) => 2 * x), coverage: undefined }))),
          )
        : throwError(() => failed),
    );
    expectObservable(cold('a---b---c', frames).pipe(trend(model, turn))).toBe('--a--#', trends, failed);
  });
});

test('a frame that goes back is an error behind the trends of those before it', () => {
  marbles(({ cold, expectObservable, turn }) => {
    const backwards = expect.objectContaining({ code: 'seqBackwards' });
    const { model } = standIn(2);
    expectObservable(cold('(abad)', frames).pipe(trend(model, turn))).toBe('---(ab#)', trends, backwards);
  });
});

test('unsubscribing lets go of the source at once, and no answer comes', () => {
  marbles(({ cold, expectObservable, expectSubscriptions, flush, turn }) => {
    const { model, calls } = standIn(4);
    const source = cold('a-bcd', frames);
    expectObservable(source.pipe(trend(model, turn)), '---!').toBe('-');
    expectSubscriptions(source.subscriptions).toBe('^--!');
    flush();
    expect(calls).toHaveLength(1);
  });
});
