import { note } from '../output.ts';
import { digits } from '../text.ts';
import { type ChartRows, chart } from './chart.ts';

const height = 6;
/** How much of the past is kept: more than any terminal is wide. */
const kept = 2000;

export interface Display {
  /** One row of every channel. */
  add(raw: Float32Array, trend: Float32Array): void;
  stop(): void;
}

/**
 * Shows raw and trend of a few channels moving: charts on a terminal, elsewhere one plain line a second.
 *
 * @param shown indices of the channels to show
 */
export function display(title: string, channels: readonly string[], shown: readonly number[]): Display {
  const history: ChartRows[] = shown.map(() => ({ raw: [], trend: [] }));
  const terminal = process.stderr.isTTY;
  let rows = 0;
  let drawn = 0;

  function draw(): void {
    const width = Math.min(Math.max(20, (process.stderr.columns ?? 80) - 4), 160);
    const lines = [title];
    shown.forEach((c, i) => {
      const { raw, trend } = history[i]!;
      const values = `raw ${digits(raw.at(-1) ?? NaN, 5)}  trend ${digits(trend.at(-1) ?? NaN, 5)}`;
      lines.push(`${channels[c]}  ${values}`, ...chart(history[i]!, width, height));
    });
    const up = drawn > 0 ? `\u001B[${drawn}A` : '';
    process.stderr.write(`${up}${lines.map((line) => `\u001B[2K${line}\n`).join('')}`);
    drawn = lines.length;
  }

  function tell(): void {
    const parts = shown.map((c, i) => {
      const { raw, trend } = history[i]!;
      return `${channels[c]} raw ${digits(raw.at(-1) ?? NaN, 5)} trend ${digits(trend.at(-1) ?? NaN, 5)}`;
    });
    note(`${rows} trends: ${parts.join(', ')}`);
  }

  if (!terminal) note(title);
  const timer = terminal ? setInterval(draw, 50) : setInterval(tell, 1000);
  return {
    add(raw, trend) {
      rows++;
      shown.forEach((c, i) => {
        for (const [list, value] of [
          [history[i]!.raw, raw[c]!],
          [history[i]!.trend, trend[c]!],
        ] as const) {
          list.push(value);
          if (list.length > kept) list.splice(0, kept / 2);
        }
      });
    },
    stop: () => clearInterval(timer),
  };
}
