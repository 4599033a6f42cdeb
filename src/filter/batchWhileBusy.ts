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
 * Gathers what arrives while `work` is under way and then hands over all of it as one batch: never two works at once,
 * nothing lost, nothing reordered, and under load fewer and larger works instead of a growing queue of small ones.
 * What comes first after a rest is handed over at the end of the turn, together with all that arrived in it.
 *
 * Completes after the last work; an error of the source or of `work` passes on at once. Unsubscribing starts no further
 * work and drops the results of the one under way (a promise cannot be stopped).
 *
 * @param work gets a batch of one or more, in order of arrival; what it emits is emitted
 * @param defer when the first batch after a rest starts
 * @example
 *     records.pipe(batchWhileBusy((batch) => log.commit(batch))).subscribe(acknowledge);
 */
export function batchWhileBusy<T, R>(
  work: (batch: T[]) => ObservableInput<R>,
  defer: Defer = endOfTurn,
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
        waiting = [];
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
