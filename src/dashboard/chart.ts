import UPlot from 'uplot';
import type { Channel } from '../client/client.ts';
import { colours, digits, h } from './dom.ts';
import { axis } from './plot.ts';
import type { Rows } from './rows.ts';

/** What all charts of a stream show. */
export interface View {
  /** Seconds since 1970. */
  readonly min: number;
  readonly max: number;
  /** How much later than the truth the trend is drawn back by (s). */
  readonly shift: number;
  readonly raw: boolean;
}

export interface ChartOptions {
  readonly channel: Channel;
  /** Which of the rows' channels it draws. */
  readonly index: number;
  /** Rows come in and go all the time. */
  readonly rows: () => Rows;
  readonly onCursor: (time: number | undefined) => void;
  readonly onZoom: (min: number, max: number) => void;
  readonly onKey: (event: KeyboardEvent) => void;
}

export interface Chart {
  readonly element: HTMLElement;
  /** Which of the rows' channels it draws. */
  readonly index: number;
  draw(view: View): void;
  /** Says the values at the time, or the newest. */
  tell(time: number | undefined, view: View): string;
  /** Puts the cursor where the time is. */
  point(time: number): void;
  /** What the last `draw` drew. */
  drawn(): { readonly time: Float64Array; readonly raw: Float32Array; readonly trend: Float32Array };
  close(): void;
}

const height = 156;
/** The rest of what uPlot wants of a path. */
const nothing = { fill: null, clip: null, band: null, gaps: [], flags: 1 };

/** The time of day; a tick that is no whole second says how far between. */
function clockText(seconds: number): string {
  const text = new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });
  return seconds % 1 === 0
    ? text
    : `${text.slice(-2)}.${String(Math.round((seconds % 1) * 1000)).padStart(3, '0')}`;
}

/** A channel's samples and trend over time, with its gaps and how much of the kernel met real samples. */
export function chart(options: ChartOptions): Chart {
  const { channel, index } = options;
  const { name, unit, offset } = channel;
  let view: View = { min: 0, max: 1, shift: 0, raw: true };
  let range = { low: 0, high: 1, known: false };
  let [from, to] = [0, 0];
  let data: [Float64Array, Float32Array, Float32Array] = [
    new Float64Array(0),
    new Float32Array(0),
    new Float32Array(0),
  ];

  /** A line through what is there: rows without a value end it. */
  function path(series: 1 | 2) {
    return (u: UPlot) => {
      const stroke = new Path2D();
      const [times, values] = [data[0], data[series]];
      const { left, top, width, height: high } = u.bbox;
      const { min, max, shift } = view;
      const late = series === 2 ? shift : 0;
      const [perSecond, perUnit] = [width / (max - min), high / (range.high - range.low)];
      let pen = false;
      for (let i = 0; i < values.length; i++) {
        const value = values[i]!;
        if (Number.isNaN(value)) {
          pen = false;
          continue;
        }
        const x = left + (times[i]! - late - min) * perSecond;
        const y = top + high - (value - range.low) * perUnit;
        if (pen) stroke.lineTo(x, y);
        else stroke.moveTo(x, y);
        pen = true;
      }
      // Two hairlines side by side: without a graphics card a line of 2 pixels takes several times as long to draw.
      if (series === 2) stroke.addPath(new Path2D(stroke), new DOMMatrix([1, 0, 0, 1, 0, 0.8]));
      return { stroke, ...nothing };
    };
  }

  /** Where samples never came. */
  function drawGaps(u: UPlot): void {
    const { coverage, time } = options.rows();
    const covered = coverage[index]!;
    const { ctx } = u;
    ctx.fillStyle = colours().gap;
    for (let i = from; i < to; i++) {
      if (covered[i]! >= 0) continue;
      const x = u.valToPos(time[i]!, 'x', true);
      const end = i + 1 < to ? u.valToPos(time[i + 1]!, 'x', true) : u.bbox.left + u.bbox.width;
      ctx.fillRect(x, u.bbox.top, Math.max(2, end - x), u.bbox.height);
    }
  }

  /** Along the bottom: the thicker, the less of the kernel met real samples. */
  function drawCoverage(u: UPlot): void {
    const { coverage, time } = options.rows();
    const covered = coverage[index]!;
    const { ctx } = u;
    const bottom = u.bbox.top + u.bbox.height;
    const most = 8 * devicePixelRatio;
    ctx.fillStyle = colours().warn;
    for (let i = from; i < to; i++) {
      const missing = 1 - covered[i]!;
      if (missing <= 0 || missing > 1) continue;
      const x = u.valToPos(time[i]!, 'x', true);
      const next = i + 1 < to ? u.valToPos(time[i + 1]!, 'x', true) : x + 2;
      const tall = Math.max(1.5, missing * most);
      ctx.fillRect(x, bottom - tall, Math.max(1, next - x), tall);
    }
  }

  const values = h('span', { class: 'values' });
  const title = h('b', {}, unit === undefined ? name : `${name} (${unit})`);
  const area = h('div', { class: 'area' });
  const element = h(
    'figure',
    {
      class: 'chart',
      tabindex: 0,
      'aria-label': `${name}: raw and trend over time. Left and right arrows move the time cursor, plus and minus zoom, Escape goes back to live.`,
      onkeydown: options.onKey,
    },
    h('div', { class: 'top' }, title, values),
    area,
  );
  element.style.margin = '0';

  const plot = new UPlot(
    {
      width: 400,
      height,
      padding: [8, 6, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: 'firtrend' },
        drag: { x: true, y: false, setScale: false },
        points: { show: false },
        y: false,
      },
      scales: { x: { time: true, auto: false }, y: { auto: false } },
      axes: [
        { ...axis, size: 26, space: 80, values: (_, ticks) => ticks.map(clockText) },
        { ...axis, size: 52, values: (_, ticks) => ticks.map((tick) => digits(tick + offset, 6)) },
      ],
      series: [
        {},
        { stroke: () => colours().raw, width: 1, paths: path(1), points: { show: false } },
        { stroke: () => colours().trend, width: 1, paths: path(2), points: { show: false } },
      ],
      hooks: {
        drawAxes: [drawGaps],
        draw: [drawCoverage],
        setCursor: [
          (u) => {
            const { left = -1 } = u.cursor;
            options.onCursor(left < 0 ? undefined : u.posToVal(left, 'x'));
          },
        ],
        setSelect: [
          (u) => {
            const { left, width } = u.select;
            if (width > 6) options.onZoom(u.posToVal(left, 'x'), u.posToVal(left + width, 'x'));
            if (width > 0) u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    },
    data as unknown as UPlot.AlignedData,
    area,
  );
  const sizes = new ResizeObserver(() => {
    if (area.clientWidth > 0) plot.setSize({ width: area.clientWidth, height });
  });
  sizes.observe(area);

  /** The range of the values in sight: grows at once, shrinks slowly, so that the picture does not jump. */
  function adjust(): void {
    let [low, high] = [Infinity, -Infinity];
    for (const plane of view.raw ? [data[1], data[2]] : [data[2]]) {
      for (let i = 0; i < plane.length; i++) {
        const value = plane[i]!;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (low > high) return;
    const room = 0.06 * (high - low) || Math.abs(high) * 1e-3 || 1;
    low -= room;
    high += room;
    const slow = range.known ? 0.06 : 1;
    range = {
      low: Math.min(low, range.known ? range.low + slow * (low - range.low) : low),
      high: Math.max(high, range.known ? range.high + slow * (high - range.high) : high),
      known: true,
    };
  }

  return {
    element,
    index,
    draw(next) {
      view = next;
      const rows = options.rows();
      from = Math.max(rows.from, rows.indexAt(view.min) - 1);
      to = Math.min(rows.to, rows.indexAt(view.max + view.shift) + 1);
      const plane = (all: readonly Float32Array[]): Float32Array => all[index]!.subarray(from, to);
      data = [rows.time.subarray(from, to), plane(rows.raw), plane(rows.trend)];
      adjust();
      plot.batch(() => {
        if (plot.series[1]!.show !== view.raw) plot.setSeries(1, { show: view.raw });
        plot.setData(data as unknown as UPlot.AlignedData, false);
        plot.setScale('y', { min: range.low, max: range.high });
        plot.setScale('x', { min: view.min, max: view.max });
      });
    },
    tell(time, { shift }) {
      const rows = options.rows();
      const clamp = (at: number): number => Math.max(rows.from, Math.min(rows.to - 1, at));
      const at = time === undefined ? rows.to - 1 : clamp(rows.indexAt(time));
      if (rows.to === rows.from) {
        values.replaceChildren('no samples yet');
        return 'no samples yet';
      }
      const trendAt = time === undefined ? at : clamp(rows.indexAt(time + shift));
      const number = (plane: Float32Array | undefined, i: number): string =>
        digits(offset + (plane?.[i] ?? Number.NaN), offset === 0 ? 5 : 9);
      const [raw, trend] = [number(rows.raw[index], at), number(rows.trend[index], trendAt)];
      const covered = rows.coverage[index]![trendAt]!;
      const part = covered < 1 ? ` coverage ${digits(Math.max(0, covered), 3)}` : '';
      values.replaceChildren(`${raw} `, h('span', { class: 't' }, trend), part);
      return `${name} raw ${raw}, trend ${trend}${part}`;
    },
    point(time) {
      plot.setCursor({ left: plot.valToPos(time, 'x'), top: 0 });
    },
    drawn: () => ({ time: data[0], raw: data[1], trend: data[2] }),
    close() {
      sizes.disconnect();
      plot.destroy();
    },
  };
}
