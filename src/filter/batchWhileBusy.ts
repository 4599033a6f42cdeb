import { from, Observable, type ObservableInput, type OperatorFunction } from 'rxjs';

/** Runs `task` later and once; calling what it returns before then prevents that. */
export type Defer = (task: () => void) => () => void;

/**
 * The end of this turn of the event loop. Not a microtask: those run between the callbacks of two sockets, so frames
 * that lay ready on many sockets would each go alone; `setImmediate` comes right after all of them, and at once when
 * nothing else is ready.
 */
const endOfTurn: Defer = (task) => {
  const immediate = setImmediate(task);
  return () => clearImmediate(immediate);
};

/**
 * How a batch is bounded and shared: no more than `budget` of cost at once, or one item where that costs more. While all
 * that waits fits, a batch is all of it. Beyond that those who wait (`key`) have an item each in turn, who waits longest
 * first, so that a quiet stream's frame is in the next batch however many frames of a busy one are before it. Items of
 * one key keep their order, and a batch is in order of arrival.
 */
export interface Share<T> {
  key(item: T): unknown;
  cost(item: T): number;
  readonly budget: number;
}

/**
 * Gathers what arrives while `work` is under way and then hands over all of it as one batch: never two works at once,
 * nothing lost, nothing reordered, and under load fewer and larger works instead of a growing queue of small ones.
 * What comes first after a rest is handed over at the end of the turn, together with all that arrived in it.
 *
 * It holds what it is given and refuses nothing: how much may wait is for the source to bound, as the daemon does by not
 * reading a socket that is owed acknowledgements for more than its window. With `share` one work is bounded too.
 *
 * Completes after the last work; an error of the source or of `work` passes on at once. Unsubscribing starts no further
 * work and drops the results of the one under way (a promise cannot be stopped).
 *
 * @param work gets a batch of one or more, in order of arrival; what it emits is emitted
 * @param defer when the first batch after a rest starts
 * @param share how large batches are divided; without it a batch is all that waits
 * @example
 *     records.pipe(batchWhileBusy((batch) => log.commit(batch))).subscribe(acknowledge);
 */
export function batchWhileBusy<T, R>(
  work: (batch: T[]) => ObservableInput<R>,
  defer: Defer = endOfTurn,
  share?: Share<T>,
): OperatorFunction<T, R> {
  return (source) =>
    new Observable<R>((subscriber) => {
      let waiting: T[] = [];
      let busy = false;
      let ended = false;
      let cancel = (): void => {};
      subscriber.add(() => cancel());

      const start = (): void => {
        const batch = waiting;
        waiting = share === undefined ? [] : leaveOver(batch, share);
        let result: Observable<R>;
        try {
          result = from(work(batch));
        } catch (error) {
          subscriber.error(error);
          return;
        }
        subscriber.add(
          result.subscribe({
            next: (value) => subscriber.next(value),
            error: (error: unknown) => subscriber.error(error),
            complete: () => {
              busy = waiting.length > 0;
              if (busy) start();
              else if (ended) subscriber.complete();
            },
          }),
        );
      };

      subscriber.add(
        source.subscribe({
          next: (value) => {
            waiting.push(value);
            if (busy) return;
            busy = true;
            cancel = defer(start);
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            ended = true;
            if (!busy) subscriber.complete();
          },
        }),
      );
    });
}

/** Takes out of `batch`, in order of arrival, what has to wait for a later one, and returns it. */
function leaveOver<T>(batch: T[], { key, cost, budget }: Share<T>): T[] {
  const costs = batch.map(cost);
  let left = budget - costs.reduce((sum, each) => sum + each, 0);
  if (left >= 0) return [];
  const queues = new Map<unknown, number[]>();
  for (const [i, item] of batch.entries()) {
    const queue = queues.get(key(item));
    if (queue) queue.push(i);
    else queues.set(key(item), [i]);
  }
  const taken = new Set<number>();
  left = budget;
  rounds: for (let round = 0; taken.size < batch.length; round++) {
    for (const queue of queues.values()) {
      const i = queue[round];
      if (i === undefined) continue;
      left -= costs[i]!;
      if (left < 0 && taken.size > 0) break rounds;
      taken.add(i);
    }
  }
  const later = batch.filter((_, i) => !taken.has(i));
  let kept = 0;
  for (const [i, item] of batch.entries()) if (taken.has(i)) batch[kept++] = item;
  batch.length = kept;
  return later;
}
