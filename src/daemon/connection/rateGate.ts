/** Lets so many messages of a socket through each second, a second's worth at once. */
export interface RateGate {
  /** A message has been read. */
  took(): void;
  stop(): void;
}

export interface RateGateOptions {
  readonly perSecond: number;
  /** How long a client may go on sending faster than it is read (ms). */
  readonly graceMs: number;
  /** Called when the socket is not to be read any more, and when it is again. */
  readonly hold: (held: boolean) => void;
  /** The client has been too fast for too long. */
  readonly exceeded: () => void;
  /** The monotonic clock (ms). */
  readonly now?: () => number;
}

/**
 * A bucket of tokens. When it is empty the socket is not read until a twentieth of it has come back, so a client that
 * is too fast is read at the rate allowed; it has slowed down once the bucket is half full again.
 */
export function rateGate(options: RateGateOptions): RateGate {
  const { perSecond, graceMs, hold, exceeded, now = () => performance.now() } = options;
  let tokens = perSecond;
  let at = now();
  let timer: NodeJS.Timeout | undefined;
  /** Since when the client has been too fast. */
  let overSince: number | undefined;

  function refill(): void {
    const time = now();
    tokens = Math.min(perSecond, tokens + ((time - at) / 1000) * perSecond);
    at = time;
    if (tokens >= perSecond / 2) overSince = undefined;
  }

  function release(): void {
    timer = undefined;
    refill();
    if (overSince !== undefined && at - overSince > graceMs) exceeded();
    else hold(false);
  }

  return {
    took() {
      // A clock is read only where the tokens at hand do not do.
      if (--tokens >= 1 || timer) return;
      refill();
      if (tokens >= 1) return;
      overSince ??= at;
      hold(true);
      const missing = Math.max(1, perSecond / 20) - tokens;
      timer = setTimeout(release, Math.ceil((missing / perSecond) * 1000));
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
