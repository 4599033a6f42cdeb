/** The one door for errors of work that nobody awaits: what goes wrong there ends the daemon. */
export interface ErrorDoor {
  /** Rejects with the first error; never resolves. */
  readonly failed: Promise<never>;
  /** Whether there has been one. */
  readonly broken: boolean;
  fail(error: unknown): void;
}

/** @param first told of the first error, at once */
export function errorDoor(first: (error: unknown) => void): ErrorDoor {
  let broken = false;
  let reject: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, rejected) => {
    reject = rejected;
  });
  // Whoever waits for it has the error; nobody has to.
  failed.catch(() => undefined);
  return {
    failed,
    get broken() {
      return broken;
    },
    fail(error) {
      if (broken) return;
      broken = true;
      first(error);
      reject(error);
    },
  };
}
