import { FirtrendError } from '../dsp/error.ts';

/**
 * Work that Ctrl-C (or SIGTERM) ends at its next pause, before anything has been stored: nothing is half-done, and that
 * is said. A second Ctrl-C ends the process as usual.
 *
 * @throws FirtrendError `interrupted`
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort(new FirtrendError('interrupted', 'interrupted: nothing was stored'));
  const { signal } = controller;
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const interrupted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as FirtrendError));
    });
    return await Promise.race([work(signal), interrupted]);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
