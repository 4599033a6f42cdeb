import UPlot from 'uplot';
import { colours, digits, h, onTheme } from './dom.ts';

/** A curve that stands still. */
export interface StillPlot {
  readonly title: string;
  readonly across: string;
  readonly x: readonly number[];
  readonly curves: readonly { readonly name: string; readonly y: readonly (number | null)[] }[];
  /** Bars instead of a line. */
  readonly bars?: boolean;
  /** What the picture says, for who cannot see it. */
  readonly says: string;
}

/** What the axes of all plots look like. */
export const axis = {
  stroke: () => colours().soft,
  grid: { stroke: () => colours().line, width: 1 },
  ticks: { stroke: () => colours().line, width: 1, size: 4 },
  font: '11px system-ui, sans-serif',
};

const shades = ['trend', 'warn', 'soft', 'text'] as const;

/** Draws it; `close` frees what it holds. */
export function stillPlot({ title, across, x, curves, bars = false, says }: StillPlot) {
  const area = h('div', { role: 'img', 'aria-label': says });
  const element = h('div', { class: 'panel' }, h('h3', {}, title), area, h('div', { class: 'soft' }, across));
  const plot = new UPlot(
    {
      width: 300,
      height: 170,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false } },
      axes: [
        { ...axis, size: 26, values: (_, ticks) => ticks.map((tick) => digits(tick, 4)) },
        { ...axis, size: 50, values: (_, ticks) => ticks.map((tick) => digits(tick, 4)) },
      ],
      series: [
        {},
        ...curves.map(({ name }, i) => ({
          label: name,
          stroke: () => colours()[shades[i % shades.length]!],
          width: bars ? 1 : 2,
          points: { show: false },
          ...(bars && { fill: () => colours().trend, paths: UPlot.paths.bars!({ size: [0.7, 12] }) }),
        })),
      ],
    },
    [x, ...curves.map(({ y }) => y)] as unknown as UPlot.AlignedData,
    area,
  );
  const sizes = new ResizeObserver(() => {
    if (area.clientWidth > 0) plot.setSize({ width: area.clientWidth, height: 170 });
  });
  sizes.observe(area);
  const themed = onTheme(() => plot.redraw(false));
  return {
    element,
    close() {
      themed();
      sizes.disconnect();
      plot.destroy();
    },
  };
}
