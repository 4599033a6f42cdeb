import type { EChartsCoreOption } from 'echarts/core';
import { FirtrendError } from '../../dsp/error.ts';
import { type Colour, colours } from './colours.ts';

interface Axis {
  /** With the unit. */
  readonly name: string;
  /** Logarithmic, with a line at each power of this. */
  readonly log?: 2 | 10;
  readonly min?: number;
  readonly max?: number;
  /** Whether its ends have labels, which there are no round numbers; default true. */
  readonly ends?: boolean;
}

export interface Series {
  readonly name: string;
  readonly colour: Colour;
  readonly points: readonly (readonly [x: number, y: number | null])[];
  /** Pixels; 0 draws dots alone. */
  readonly width?: number;
  readonly dashed?: boolean;
}

export interface Plot {
  readonly id: string;
  readonly title: string;
  /** What it shows, for who cannot see it. */
  readonly label: string;
  readonly x: Axis;
  /** A second scale of x, above. */
  readonly top?: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

/** Draws plots as SVG. */
export type Draw = (plot: Plot, size: { readonly width: number; readonly height: number }) => string;

/**
 * ECharts, without a browser. Its colours are those of the light; a style sheet may replace them by attribute.
 *
 * @throws FirtrendError `echartsMissing`
 */
export async function loadDraw(): Promise<Draw> {
  const [{ init, use }, { LineChart }, { GridComponent }, { SVGRenderer }] = await Promise.all([
    import('echarts/core'),
    import('echarts/charts'),
    import('echarts/components'),
    import('echarts/renderers'),
  ]).catch((cause: unknown) => {
    throw new FirtrendError('echartsMissing', 'the report needs echarts, which is not installed', { cause });
  });
  use([LineChart, GridComponent, SVGRenderer]);
  return (plot, size) => {
    const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
    chart.setOption(optionOf(plot));
    const svg = chart.renderToSVGString();
    chart.dispose();
    // ECharts counts the charts of a process in its ids, which would differ between runs; its classes are for a mouse.
    const id = `${plot.id}-${size.width}`;
    return svg
      .replace(/<style.*?<\/style>| (?:class|ecmeta_\w+)="[^"]*"/gs, '')
      .replace(/\bzr\d+-/g, `${id}-`)
      .replace(
        /^<svg [^>]*>/,
        `<svg role="img" aria-labelledby="${id}" viewBox="0 0 ${size.width} ${size.height}">`,
      )
      .replace('>', `><title id="${id}">${plot.label.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</title>`);
  };
}

function optionOf({ x, y, top, series }: Plot): EChartsCoreOption {
  return {
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: 'system-ui, sans-serif', fontSize: 13 },
    grid: { left: 64, right: 20, top: top ? 50 : 14, bottom: 48, containLabel: false },
    xAxis: [
      axisOf(x, 30),
      ...(top ? [{ ...axisOf(top, 30), position: 'top', splitLine: { show: false } }] : []),
    ],
    yAxis: axisOf(y, 46),
    series: series.map(({ name, colour, points, width = 2, dashed = false }) => ({
      type: 'line',
      name,
      silent: true,
      data: points.map(([at, value]) => [at, value ?? '-']),
      showSymbol: width === 0 || points.length === 1,
      symbol: 'circle',
      symbolSize: width === 0 ? 5 : 11,
      itemStyle: { color: colours[colour][0] },
      lineStyle: { color: colours[colour][0], width, type: dashed ? 'dashed' : 'solid' },
    })),
  };
}

function axisOf({ name, log, ends = true, ...range }: Axis, nameGap: number): object {
  const [text] = colours.text;
  return {
    ...range,
    ...(log === undefined ? { type: 'value' } : { type: 'log', logBase: log }),
    scale: true,
    name,
    nameGap,
    nameLocation: 'middle',
    nameTextStyle: { color: text, fontSize: 13 },
    axisLabel: {
      color: text,
      fontSize: 12,
      hideOverlap: true,
      formatter: tick,
      ...(!ends && { showMinLabel: false, showMaxLabel: false }),
    },
    axisLine: { show: true, onZero: false, lineStyle: { color: colours.axis[0] } },
    axisTick: { show: true, lineStyle: { color: colours.axis[0] } },
    splitLine: { show: true, lineStyle: { color: colours.grid[0] } },
  };
}

/** Short: at most six characters in the scales that sensors have. */
function tick(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5)
    ? value.toExponential().replace('e+', 'e')
    : String(Number(value.toPrecision(6)));
}
