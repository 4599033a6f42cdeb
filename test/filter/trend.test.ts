import { from, lastValueFrom, Observable, of, Subject, toArray } from 'rxjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Frame } from '../../src/dsp/frame.ts';
import { maxTaps } from '../../src/dsp/kernel.ts';
import { type TrendFrame, trend } from '../../src/filter/trend.ts';
import { createTrendFilter, type TrendFilter } from '../../src/filter/trendFilter.ts';
import {
  coverageOf,
  cpu,
  firstDifference,
  oneShot,
  randomFrom,
  randomKernel,
  randomPlanes,
  rowsOf,
  turns,
} from './support.ts';

const rows = 120;
const planes = randomPlanes(randomFrom(1), 3, rows, 0.02);
let filter: TrendFilter;
/** How many jobs each call had. */
let calls: number[] = [];

beforeAll(async () => {
  const real = await createTrendFilter([randomKernel(randomFrom(2), 17)], { device: cpu });
  filter = {
    ...real,
    run: (jobs) => {
      calls.push(jobs.length);
      return real.run(jobs);
    },
  };
});
afterAll(() => filter.release());

const frame = (seq: number, count: number, at = seq): Frame => ({
  seq,
  rows: count,
  planes: rowsOf(planes, rows, at, count),
});

async function differences(trends: readonly TrendFrame[], start = 0): Promise<number[]> {
  const whole = await oneShot(filter, planes, 3);
  return trends.flatMap((part) => [
    firstDifference(part.trend, rowsOf(whole.trend, rows, part.seq - start, part.rows)),
    firstDifference(coverageOf(part), rowsOf(coverageOf(whole), rows, part.seq - start, part.rows)),
  ]);
}

test('one trend frame a frame, in order, equal to the whole in one piece; together in one call', async () => {
  calls = [];
  const frames = [frame(0, 1), frame(1, 50), frame(51, 2), frame(53, 67)];
  const trends = await lastValueFrom(from(frames).pipe(trend(filter), toArray()));
  expect(calls).toEqual([4]);
  expect(trends.map(({ seq, rows: n }) => [seq, n])).toEqual(frames.map(({ seq, rows: n }) => [seq, n]));
  expect(await differences(trends)).toEqual(new Array(8).fill(-1));
});

test('a stream may begin anywhere; numbers left out are missing samples', async () => {
  const shifted = [frame(1000, 30, 0), frame(1035, 85, 35)];
  const trends = await lastValueFrom(from(shifted).pipe(trend(filter), toArray()));
  expect(await differences(trends.slice(0, 1), 1000)).toEqual([-1, -1]);
  const holed = planes.slice();
  for (let c = 0; c < 3; c++) holed.fill(Number.NaN, c * rows + 30, c * rows + 35);
  const whole = await oneShot(filter, holed, 3);
  expect(firstDifference(trends[1]!.trend, rowsOf(whole.trend, rows, 35, 85))).toBe(-1);
});

test('after a jump of maxTaps the window is empty', async () => {
  const jumped = [frame(0, 40), frame(40 + maxTaps, rows, 0)];
  const trends = await lastValueFrom(from(jumped).pipe(trend(filter), toArray()));
  expect(await differences(trends.slice(1), 40 + maxTaps)).toEqual([-1, -1]);
});

test('a seq that goes backwards is an error, after the trends before it', async () => {
  const seen: TrendFrame[] = [];
  const backwards = of(frame(0, 10), frame(10, 5), frame(14, 5), frame(19, 5)).pipe(trend(filter));
  const error = await new Promise<unknown>((resolve) => {
    backwards.subscribe({ next: (part) => seen.push(part), error: resolve });
  });
  expect(error).toMatchObject({ code: 'seqBackwards', message: 'seq: expected 15 or more, got 14' });
  expect(seen.map(({ seq }) => seq)).toEqual([0, 10]);
});

test('frames that do not fit the first one are an error', async () => {
  const wrong: Frame = { seq: 10, rows: 4, planes: new Float32Array(4) };
  const bad = lastValueFrom(of(frame(0, 10), wrong).pipe(trend(filter)));
  await expect(bad).rejects.toMatchObject({ code: 'frameSize' });
  const empty: Frame = { seq: 0, rows: 0, planes: new Float32Array() };
  await expect(lastValueFrom(of(empty).pipe(trend(filter)))).rejects.toMatchObject({
    code: 'channelMismatch',
  });
});

test('two subscribers, of one operator and one source, have a window each', async () => {
  const source = new Subject<Frame>();
  const trends = source.pipe(trend(filter), toArray());
  const early = lastValueFrom(trends);
  source.next(frame(0, 20));
  const late = lastValueFrom(trends);
  source.next(frame(20, 30));
  source.complete();
  expect(await differences(await early)).toEqual([-1, -1, -1, -1]);
  const alone = await oneShot(filter, rowsOf(planes, rows, 20, 30), 3);
  expect((await late).map(({ seq }) => seq)).toEqual([20]);
  expect(firstDifference((await late)[0]!.trend, alone.trend)).toBe(-1);
});

test('resubscribing starts again from an empty window', async () => {
  const trends = from([frame(0, 60), frame(60, 60)]).pipe(trend(filter), toArray());
  const [first, second] = [await lastValueFrom(trends), await lastValueFrom(trends)];
  expect(second).toEqual(first);
  expect(await differences(second)).toEqual([-1, -1, -1, -1]);
});

test('unsubscribing lets go of the source, and nothing comes after', async () => {
  let open = true;
  const source = new Observable<Frame>((subscriber) => {
    subscriber.next(frame(0, 20));
    return () => {
      open = false;
    };
  });
  const seen: TrendFrame[] = [];
  const subscription = source.pipe(trend(filter)).subscribe((part) => seen.push(part));
  // The call is under way: made at the end of the turn, answered in the next.
  await turns(1);
  subscription.unsubscribe();
  expect(open).toBe(false);
  await turns(5);
  expect(seen).toEqual([]);
});
