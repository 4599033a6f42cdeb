/** Gathers what many sockets are to send in one turn of the event loop: each is then written to once, not per message. */
export interface Corks {
  /** Calls `uncork` once, when what runs now and all that it has set off at once is done. */
  add(uncork: () => void): void;
}

export function corks(): Corks {
  let waiting: (() => void)[] = [];
  function flush(): void {
    const all = waiting;
    waiting = [];
    for (const uncork of all) uncork();
  }
  return {
    add(uncork) {
      if (waiting.push(uncork) === 1) process.nextTick(flush);
    },
  };
}
