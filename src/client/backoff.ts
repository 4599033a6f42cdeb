export interface ReconnectOptions {
  /** The first wait is a random part of so many milliseconds, and each further one of twice as many; 500. */
  readonly minDelay?: number | undefined;
  /** No wait is longer (ms); 30 s. */
  readonly maxDelay?: number | undefined;
  /** Whether the first connection is tried again too; by default `connect` rejects where it fails. */
  readonly first?: boolean | undefined;
}

/** A connection that lasted so long (ms) was a good one: the next wait is short again. */
const lasting = 10_000;

/** How long to wait before the next attempt: exponential, with full jitter, so that many clients spread evenly. */
export function backoff({ minDelay = 500, maxDelay = 30_000 }: ReconnectOptions, random = Math.random) {
  let failures = 0;
  return {
    /** How many attempts have failed on end. */
    get failures() {
      return failures;
    },
    /**
     * @param lasted milliseconds that the connection stood; 0 where there was none
     * @param atLeast what the daemon asked for (ms)
     */
    next(lasted: number, atLeast = 0): number {
      if (lasted >= lasting) failures = 0;
      const most = Math.min(maxDelay, minDelay * 2 ** failures);
      failures++;
      return atLeast + random() * most;
    },
  };
}
