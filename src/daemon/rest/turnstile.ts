import { HttpError } from '../http/answer.ts';

/** So many at a time. @throws HttpError 503 for one more */
export interface Turnstile {
  enter(): () => void;
}

/** @param name of the limit, as the configuration has it */
export function turnstile(name: string, most: number): Turnstile {
  let inside = 0;
  return {
    enter() {
      if (inside >= most) {
        throw new HttpError(503, 'limit', `${name}: expected at most ${most} at once, got one more`, {
          headers: { 'retry-after': '1' },
        });
      }
      inside++;
      let left = false;
      return () => {
        if (!left) inside--;
        left = true;
      };
    },
  };
}
