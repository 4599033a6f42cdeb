/**
 * A queue from a socket that pushes to one consumer that pulls. It counts the weight of what waits, so that whoever
 * fills it can hold back; the queue itself refuses nothing.
 */
export interface EventQueue<T> {
  readonly weight: number;
  push(item: T, weight: number): void;
  /** The next item; undefined when the queue has ended. Rejects with the error it failed with. */
  next(): Promise<T | undefined>;
  /** Nothing more comes. What waits can still be taken, unless it is to be discarded. */
  end(options?: { readonly error?: Error | undefined; readonly discard?: boolean }): void;
}

interface Taker<T> {
  readonly resolve: (item: T | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** @param onWeight called with every change of the weight */
export function eventQueue<T>(onWeight: (by: number) => void): EventQueue<T> {
  let items: { readonly item: T; readonly weight: number }[] = [];
  // Index of the oldest item: shifting a long array at every step would cost its length.
  let first = 0;
  let weight = 0;
  let ended = false;
  let failure: Error | undefined;
  const takers: Taker<T>[] = [];

  function weigh(by: number): void {
    weight += by;
    onWeight(by);
  }

  function take(): T | undefined {
    const taken = items[first]!;
    first++;
    if (first > 64 && first * 2 > items.length) {
      items = items.slice(first);
      first = 0;
    }
    weigh(-taken.weight);
    return taken.item;
  }

  return {
    get weight() {
      return weight;
    },
    push(item, size) {
      if (ended) return;
      const taker = takers.shift();
      if (taker) {
        taker.resolve(item);
        return;
      }
      items.push({ item, weight: size });
      weigh(size);
    },
    next() {
      if (first < items.length) return Promise.resolve(take());
      if (failure) return Promise.reject(failure);
      if (ended) return Promise.resolve(undefined);
      return new Promise((resolve, reject) => takers.push({ resolve, reject }));
    },
    end({ error, discard = false } = {}) {
      if (ended) return;
      ended = true;
      failure = error;
      if (discard) {
        items = [];
        first = 0;
        weigh(-weight);
      }
      for (const { resolve, reject } of takers.splice(0)) {
        if (error) reject(error);
        else resolve(undefined);
      }
    },
  };
}
