/** How far the flow is behind: from the arrival of events to the release of the batch that they are in. */
export interface Lag {
  /** An event has arrived. */
  arrived(): void;
  /** A batch has been released. @returns how long its first event has waited (ms) */
  released(): number;
  /** How long the oldest event not yet released has waited (ms). */
  now(): number;
}

export function lag(clock: () => number = () => performance.now()): Lag {
  /** The first event of the batch under way, and of the one that gathers behind it. */
  let underWay: number | undefined;
  let gathering: number | undefined;
  return {
    arrived() {
      if (underWay === undefined) underWay = clock();
      else gathering ??= clock();
    },
    released() {
      const waited = clock() - (underWay ?? clock());
      underWay = gathering;
      gathering = undefined;
      return waited;
    },
    now: () => (underWay === undefined ? 0 : clock() - underWay),
  };
}
