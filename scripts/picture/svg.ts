import { writeFileSync } from 'node:fs';
import { loadDraw, type Plot } from '../../src/train/report/chart.ts';
import { colours } from '../../src/train/report/colours.ts';

const size = { width: 820, height: 340 };
const legendHeight = 34;

/**
 * Draws a plot of the report as an SVG file of its own, with a legend, on a ground of its own: in the light and, where the
 * reader's system is dark, in the dark.
 */
export async function writePicture(plot: Plot, file: string): Promise<void> {
  const draw = await loadDraw();
  const inner = draw(plot, size).replace(
    /^<svg /,
    `<svg y="${legendHeight}" width="${size.width}" height="${size.height}" `,
  );
  const dark = Object.values(colours)
    .flatMap(([light, night]) => ['fill', 'stroke'].map((name) => `[${name}="${light}"]{${name}:${night}}`))
    .join('');
  let x = 64;
  const legend = plot.series
    .map(({ name, colour, dashed }) => {
      const [light] = colours[colour];
      const entry =
        `<path d="M${x} 20h26" stroke="${light}" stroke-width="3" fill="none"${dashed ? ' stroke-dasharray="6 4"' : ''}/>` +
        `<text x="${x + 32}" y="24.5" fill="${colours.text[0]}">${name}</text>`;
      x += 56 + 7 * name.length;
      return entry;
    })
    .join('');
  const { width } = size;
  const height = size.height + legendHeight;
  writeFileSync(
    file,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13">` +
      `<style>.ground{fill:#fff}@media (prefers-color-scheme:dark){.ground{fill:#14181f}${dark}}</style>` +
      `<rect class="ground" width="${width}" height="${height}" rx="6"/>${legend}${inner}</svg>\n`,
  );
}
