import { TestScheduler } from 'rxjs/testing';
import { expect } from 'vitest';
import type { Defer } from '../../src/filter/batchWhileBusy.ts';

/** Virtual time, with the end of a turn one frame after its beginning. */
export function marbles(
  run: (helpers: Parameters<Parameters<TestScheduler['run']>[0]>[0] & { turn: Defer }) => void,
): void {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  const turn: Defer = (task) => {
    const action = scheduler.schedule(task, 1);
    return () => action.unsubscribe();
  };
  scheduler.run((helpers) => run({ ...helpers, turn }));
}
