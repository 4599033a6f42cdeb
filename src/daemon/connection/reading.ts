/**
 * Why a socket is not read: the producer's window is used up, messages come too fast, answers are not taken, a token is
 * being looked at.
 */
type Reason = 'window' | 'rate' | 'controlRate' | 'answers' | 'token';

/** Whether a socket is read: as long as there is no reason against it. Bytes then wait in the client's own buffers. */
export interface Reading {
  hold(reason: Reason, held: boolean): void;
  held(reason: Reason): boolean;
}

export function reading(socket: { pause(): void; resume(): void }): Reading {
  const reasons = new Set<Reason>();
  return {
    hold(reason, held) {
      const before = reasons.size;
      if (held) reasons.add(reason);
      else reasons.delete(reason);
      if (before === 0 && reasons.size > 0) socket.pause();
      else if (before > 0 && reasons.size === 0) socket.resume();
    },
    held: (reason) => reasons.has(reason),
  };
}
