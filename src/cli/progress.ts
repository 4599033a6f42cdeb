import { Presets, SingleBar } from 'cli-progress';
import { note } from './output.ts';

export interface ProgressBar {
  /** @param detail what else to show, such as the loss */
  update(done: number, detail?: string): void;
  stop(): void;
}

/** Ten plain lines do where there is no terminal. */
const plainLines = 10;

/** A bar on a terminal (stderr), plain lines elsewhere. */
export function progressBar(what: string, total: number): ProgressBar {
  return process.stderr.isTTY ? terminalBar(what, total) : plainBar(what, total);
}

/** What takes longer is watched (ms). */
const patience = 1000;

/** A bar of shares from 0 to 1 that shows only where the work takes longer than a second. */
export function patientBar(what: string): { update(share: number): void; stop(): void } {
  const began = performance.now();
  let bar: ProgressBar | undefined;
  return {
    update(share) {
      if (performance.now() - began < patience) return;
      bar ??= progressBar(what, 100);
      bar.update(Math.floor(100 * share));
    },
    stop: () => bar?.stop(),
  };
}

function terminalBar(what: string, total: number): ProgressBar {
  const bar = new SingleBar(
    {
      format: `{bar} {percentage}% {value}/{total} ${what} {detail}`,
      stream: process.stderr,
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { detail: '' });
  return {
    update: (done, detail) => bar.update(done, detail === undefined ? {} : { detail }),
    stop: () => bar.stop(),
  };
}

function plainBar(what: string, total: number): ProgressBar {
  let next = total / plainLines;
  return {
    update(done, detail = '') {
      if (done < next) return;
      note(`${done}/${total} ${what} ${detail}`.trimEnd());
      next = done + total / plainLines;
    },
    stop: () => undefined,
  };
}
