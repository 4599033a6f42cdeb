import { colours, h } from './dom.ts';
import type { Rows } from './rows.ts';

export interface Overview {
  readonly element: HTMLCanvasElement;
  draw(rows: Rows, min: number, max: number, shift: number, chosen: ReadonlySet<number>): void;
}

const cell = { width: 150, height: 46 };

/** The trends of every channel of a wide stream, small, on one canvas; a click chooses one to be drawn large. */
export function overview(names: readonly string[], onChoose: (channel: number) => void): Overview {
  const element = h('canvas', {
    class: 'overview',
    role: 'img',
    'aria-label': `The trends of all ${names.length} channels. The list "Channels" chooses which are drawn large.`,
  });
  let columns = 1;
  element.addEventListener('click', ({ offsetX, offsetY }) => {
    const column = Math.floor(offsetX / (element.clientWidth / columns));
    const channel = Math.floor(offsetY / cell.height) * columns + column;
    if (channel < names.length) onChoose(channel);
  });
  element.style.cursor = 'pointer';
  // Each channel's own, so that the quiet ones are seen too; it grows at once and shrinks slowly.
  const ranges = names.map(() => ({ low: Number.NaN, high: Number.NaN }));

  return {
    element,
    draw(rows, min, max, shift, chosen) {
      const ratio = devicePixelRatio;
      const wide = element.clientWidth || 600;
      columns = Math.max(1, Math.floor(wide / cell.width));
      const tall = Math.ceil(names.length / columns) * cell.height;
      if (element.width !== Math.round(wide * ratio) || element.height !== Math.round(tall * ratio)) {
        element.width = Math.round(wide * ratio);
        element.height = Math.round(tall * ratio);
        element.style.height = `${tall}px`;
      }
      const ctx = element.getContext('2d')!;
      const { trend: stroke, soft, line } = colours();
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      ctx.clearRect(0, 0, wide, tall);
      ctx.font = '11px system-ui, sans-serif';
      ctx.lineWidth = 1;
      const width = wide / columns;
      const from = Math.max(rows.from, rows.indexAt(min) - 1);
      const to = Math.min(rows.to, rows.indexAt(max + shift) + 1);
      // No finer than a pixel.
      const step = Math.max(1, Math.floor((to - from) / width));
      const perSecond = (width - 12) / (max - min);
      names.forEach((name, channel) => {
        const left = (channel % columns) * width;
        const top = Math.floor(channel / columns) * cell.height;
        const values = rows.trend[channel]!;
        let [low, high] = [Infinity, -Infinity];
        for (let i = from; i < to; i += step) {
          const value = values[i]!;
          if (value < low) low = value;
          if (value > high) high = value;
        }
        const range = ranges[channel]!;
        if (low <= high) {
          range.low = Number.isNaN(range.low) ? low : Math.min(low, range.low + 0.05 * (low - range.low));
          range.high = Number.isNaN(range.high)
            ? high
            : Math.max(high, range.high + 0.05 * (high - range.high));
        }
        ctx.strokeStyle = line;
        ctx.strokeRect(left + 0.5, top + 0.5, width, cell.height);
        if (chosen.has(channel)) {
          ctx.fillStyle = stroke;
          ctx.fillRect(left, top, 3, cell.height);
        }
        ctx.fillStyle = soft;
        ctx.fillText(name, left + 8, top + 12, width - 12);
        const perUnit = (cell.height - 20) / (range.high - range.low || 1);
        ctx.strokeStyle = stroke;
        ctx.beginPath();
        let pen = false;
        // Whole multiples, so that the same rows are drawn while they move.
        for (let i = from - (from % step) + step; i < to; i += step) {
          const value = values[i]!;
          if (Number.isNaN(value)) {
            pen = false;
            continue;
          }
          const x = left + 6 + (rows.time[i]! - shift - min) * perSecond;
          const y = top + cell.height - 4 - (value - range.low) * perUnit;
          if (x < left) continue;
          if (pen) ctx.lineTo(x, y);
          else ctx.moveTo(x, y);
          pen = true;
        }
        ctx.stroke();
      });
    },
  };
}
