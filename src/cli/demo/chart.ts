/** What the chart shows: one channel, newest last. */
export interface ChartRows {
  readonly raw: number[];
  readonly trend: number[];
}

const dim = '\u001B[2m';
const bold = '\u001B[1;36m';
const off = '\u001B[0m';

/** Dots of a braille cell by (row, column), as Unicode numbers them. */
const dots = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
];

/**
 * Raw (dim) and trend (bright) as lines of braille dots, two samples and four levels a cell.
 *
 * @param width cells
 * @param height cells
 */
export function chart({ raw, trend }: ChartRows, width: number, height: number): string[] {
  const shown = raw.slice(-2 * width);
  const finite = shown.filter(Number.isFinite);
  const low = finite.reduce((a, b) => Math.min(a, b), Infinity);
  const high = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  const span = high > low ? high - low : 1;
  const cells = { raw: new Uint8Array(width * height), trend: new Uint8Array(width * height) };

  function draw(values: readonly number[], into: Uint8Array): void {
    values.slice(-2 * width).forEach((value, i) => {
      if (!Number.isFinite(value)) return;
      const level = Math.round((1 - (value - low) / span) * (4 * height - 1));
      const y = Math.min(Math.max(level, 0), 4 * height - 1);
      const at = (y >> 2) * width + (i >> 1);
      into[at] = into[at]! | dots[y & 3]![i & 1]!;
    });
  }

  draw(raw, cells.raw);
  draw(trend, cells.trend);
  return Array.from({ length: height }, (_, y) => {
    let line = '';
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const trendDots = cells.trend[at]!;
      const colour = trendDots > 0 ? bold : dim;
      line += `${colour}${String.fromCharCode(0x2800 + (trendDots > 0 ? trendDots : cells.raw[at]!))}${off}`;
    }
    return line;
  });
}
