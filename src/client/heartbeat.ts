import type { AliveFromServer } from '../wire/serverMessages.ts';

export interface HeartbeatOptions {
  /** Milliseconds between `alive` messages, ours and theirs. */
  readonly interval: number;
  /** Milliseconds that one may be late before the other side is taken for dead. */
  readonly timeout: number;
  readonly send: (alive: { t: number; echo?: number }) => void;
  readonly onSilence: (silentFor: number) => void;
}

export interface Heartbeat {
  /** Milliseconds there and back, as the last echo told; undefined before the first. */
  readonly roundTrip: number | undefined;
  /** Any message is a sign of life. */
  heard(): void;
  /** An `alive` without echo is answered at once, one with echo is the answer to ours. */
  alive(message: AliveFromServer): void;
  /** While we ourselves do not read, silence says nothing. */
  hold(held: boolean): void;
  stop(): void;
}

/** Shows the daemon that we live, and notices when it no longer does. The clock is the monotonic one. */
export function heartbeat({ interval, timeout, send, onSilence }: HeartbeatOptions): Heartbeat {
  const patience = interval + timeout;
  let lastHeard = performance.now();
  let roundTrip: number | undefined;
  let held = false;
  let due = lastHeard + patience;
  let watch = setTimeout(check, patience);
  const beat = setInterval(() => send({ t: performance.now() }), interval);

  function check(): void {
    const now = performance.now();
    // Who woke late (a machine that slept, a tab that was frozen) has messages waiting that it has not looked at yet.
    const late = now - due > timeout;
    const silentFor = held || late ? Math.min(interval, now - lastHeard) : now - lastHeard;
    if (silentFor >= patience) {
      onSilence(silentFor);
      return;
    }
    due = now + patience - silentFor;
    watch = setTimeout(check, patience - silentFor);
  }

  return {
    get roundTrip() {
      return roundTrip;
    },
    heard() {
      lastHeard = performance.now();
    },
    alive({ t, echo }) {
      const now = performance.now();
      if (echo === undefined) send({ t: now, echo: t });
      else roundTrip = now - echo;
    },
    hold(now) {
      held = now;
      lastHeard = performance.now();
    },
    stop() {
      clearTimeout(watch);
      clearInterval(beat);
    },
  };
}
