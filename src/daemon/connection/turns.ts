/** Lets one work at a time go, in the order in which they came. */
export interface Turns {
  take(work: () => Promise<void>): Promise<void>;
  readonly othersWait: boolean;
}

export function turns(): Turns {
  const waiting: (() => void)[] = [];
  let busy = false;
  return {
    async take(work) {
      if (busy) await new Promise<void>((resolve) => waiting.push(resolve));
      busy = true;
      try {
        await work();
      } finally {
        const next = waiting.shift();
        if (next) next();
        else busy = false;
      }
    },
    get othersWait() {
      return waiting.length > 0;
    },
  };
}
