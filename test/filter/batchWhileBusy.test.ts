import fc from 'fast-check';
import { delay, from, map, of, Subject, throwError, timer } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { batchWhileBusy } from '../../src/filter/batchWhileBusy.ts';
import { marbles } from './marbles.ts';
import { turns } from './support.ts';

const joinAfter = (ms: number) => (batch: string[]) => timer(ms).pipe(map(() => batch.join('')));

test('gathers during the work and then hands over all of it', () => {
  marbles(({ cold, expectObservable, turn }) => {
    const source = cold('a-bc----d--|');
    expectObservable(source.pipe(batchWhileBusy(joinAfter(3), turn))).toBe('----x--y----(z|)', {
      x: 'a',
      y: 'bc',
      z: 'd',
    });
  });
});

test('completes after the last work, at once where nothing waits', () => {
  marbles(({ cold, expectObservable, turn }) => {
    expectObservable(cold('a-(b|)').pipe(batchWhileBusy(joinAfter(3), turn))).toBe('----a--(b|)');
    expectObservable(cold('---|').pipe(batchWhileBusy(joinAfter(3), turn))).toBe('---|');
  });
});

test('errors of source, work, and a work that throws pass on at once', () => {
  marbles(({ cold, expectObservable, turn }) => {
    const failing = () => timer(2).pipe(map(() => JSON.parse('{')));
    const broken = () => {
      throw new Error('broken');
    };
    expectObservable(cold('a-#').pipe(batchWhileBusy(joinAfter(9), turn))).toBe('--#');
    expectObservable(
      cold('a---b').pipe(batchWhileBusy(() => throwError(() => new Error('refused')), turn)),
    ).toBe('-#', {}, new Error('refused'));
    expectObservable(cold('a---b').pipe(batchWhileBusy(broken, turn))).toBe('-#', {}, new Error('broken'));
    expectObservable(cold('a---b').pipe(batchWhileBusy(failing, turn), map(String))).toBe(
      '---#',
      {},
      expect.any(SyntaxError),
    );
  });
});

test('unsubscribing stops: no further work, no result of the one under way', () => {
  marbles(({ cold, expectObservable, expectSubscriptions, turn }) => {
    const batches: string[][] = [];
    const source = cold('ab-c-d-e');
    const work = (batch: string[]) => {
      batches.push(batch);
      return of(batch.join('')).pipe(delay(4));
    };
    expectObservable(source.pipe(batchWhileBusy(work, turn)), '---!').toBe('-');
    expectSubscriptions(source.subscriptions).toBe('^--!');
    expectObservable(
      of('end').pipe(
        delay(50),
        map(() => batches),
      ),
    ).toBe(`50ms (r|)`, { r: [['a', 'b']] });
  });
});

test('unsubscribed before the end of the turn it never works', async () => {
  const source = new Subject<number>();
  let works = 0;
  const subscription = source.pipe(batchWhileBusy(async () => ++works)).subscribe();
  source.next(1);
  subscription.unsubscribe();
  await turns(3);
  expect(works).toBe(0);
});

test('all that arrives in one turn, from callbacks and promises, is one batch', async () => {
  const source = new Subject<number>();
  const batches: number[][] = [];
  const subscription = source.pipe(batchWhileBusy(async (batch) => batches.push(batch))).subscribe();
  source.next(1);
  process.nextTick(() => source.next(2));
  await Promise.resolve().then(() => source.next(3));
  await turns(3);
  subscription.unsubscribe();
  expect(batches.map((batch) => batch.toSorted())).toEqual([[1, 2, 3]]);
});

test('two subscribers share nothing', async () => {
  const source = new Subject<number>();
  const operator = batchWhileBusy(async (batch: number[]) => batch.length);
  const seen: number[][] = [[], []];
  const subscriptions = seen.map((lengths) => source.pipe(operator).subscribe((n) => lengths.push(n)));
  source.next(1);
  source.next(2);
  await turns(3);
  for (const subscription of subscriptions) subscription.unsubscribe();
  expect(seen).toEqual([[2], [2]]);
});

test('keeps the order, loses nothing, and never does two works at once', async () => {
  const times = fc.array(fc.record({ wait: fc.nat(3), work: fc.nat(3) }), { minLength: 1, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(times, async (plan) => {
      const source = new Subject<number>();
      let atOnce = 0;
      let works = 0;
      const results: number[][] = [];
      const ended = new Promise<void>((resolve, reject) => {
        source
          .pipe(
            batchWhileBusy(async (batch) => {
              expect(++atOnce).toBe(1);
              await turns(plan[works++ % plan.length]!.work);
              atOnce--;
              return batch;
            }),
          )
          .subscribe({ next: (batch) => results.push(batch), error: reject, complete: resolve });
      });
      for (const [i, { wait }] of plan.entries()) {
        await turns(wait);
        source.next(i);
      }
      source.complete();
      await ended;
      expect(results.flat()).toEqual(plan.map((_, i) => i));
      expect(results.every((batch) => batch.length > 0)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

describe('shared', () => {
  interface Item {
    readonly key: string;
    readonly cost: number;
    readonly n: number;
  }
  const share = (budget: number) => ({
    key: ({ key }: Item) => key,
    cost: ({ cost }: Item) => cost,
    budget,
  });

  /** All batches of what is given at once. */
  async function batchesOf(items: readonly Item[], budget: number): Promise<Item[][]> {
    const batches: Item[][] = [];
    await new Promise<void>((resolve, reject) => {
      from(items)
        .pipe(
          batchWhileBusy(
            async (batch) => {
              batches.push([...batch]);
              await turns(1);
            },
            undefined,
            share(budget),
          ),
        )
        .subscribe({ error: reject, complete: resolve });
    });
    return batches;
  }

  const items = (keys: string): Item[] => [...keys].map((key, n) => ({ key, cost: 1, n }));
  const named = (batches: Item[][]): string[] => batches.map((batch) => batch.map(({ key }) => key).join(''));

  test('what fits is one batch, in order of arrival', async () => {
    expect(named(await batchesOf(items('aabab'), 5))).toEqual(['aabab']);
  });

  test('a busy one leaves room for the quiet, who are in the next batch however late they came', async () => {
    expect(named(await batchesOf(items('aaaaaaaabc'), 4))).toEqual(['aabc', 'aaaa', 'aa']);
  });

  test('where not even one of each fits, who waits longest is first', async () => {
    expect(named(await batchesOf(items('abcabc'), 2))).toEqual(['ab', 'ca', 'bc']);
  });

  test('what costs more than a whole batch goes alone', async () => {
    const dear = { key: 'x', cost: 100, n: 0 };
    expect(await batchesOf([dear, ...items('ab')], 3)).toEqual([[dear], items('ab')]);
  });

  test('nothing is lost, each key keeps its order, no batch is over its budget', async () => {
    const given = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), cost: fc.nat(9) }), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(given, fc.integer({ min: 1, max: 40 }), async (some, budget) => {
        const all = some.map((item, n) => ({ ...item, n }));
        const batches = await batchesOf(all, budget);
        expect(batches.flat().toSorted((a, b) => a.n - b.n)).toEqual(all);
        for (const key of 'abcd') {
          const order = batches.flat().filter((item) => item.key === key);
          expect(order).toEqual(all.filter((item) => item.key === key));
        }
        for (const batch of batches) {
          expect(batch.length).toBeGreaterThan(0);
          expect(batch.map(({ n }) => n)).toEqual(batch.map(({ n }) => n).toSorted((a, b) => a - b));
          const cost = batch.reduce((sum, item) => sum + item.cost, 0);
          if (batch.length > 1) expect(cost).toBeLessThanOrEqual(budget);
        }
      }),
      { numRuns: 100 },
    );
  });
});
