/**
 * Draws docs/trend.svg, the picture in the README: a stretch of the shipped recording and what the shipped model makes
 * of it as it comes, beside what it was trained to say: the two-sided smoother, which knows the future. Then the
 * dashboard, in light and dark. Run with `npm run picture`.
 */
import { writeFileSync } from 'node:fs';
import { LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { createTrendFilter } from '../src/filter/trendFilter.ts';
import { loadModel } from '../src/model/loadModel.ts';
import { readRecording } from '../src/train/readRecording.ts';
import { parseTarget, targetValues } from '../src/train/targets.ts';
import { pictureDashboard } from './picture/dashboard.ts';

const channel = 'ankle_vert';
const [from, to] = [2100, 2560];

const model = await loadModel('gait', { models: 'models' });
const recording = await readRecording('recordings/gait-accelerometer.csv', { columns: [channel] });
const kernels = model.kernels.map(({ taps, bias }) => ({ taps: Float32Array.from(taps), bias }));
const filter = await createTrendFilter(kernels, { device: { provider: 'cpu' } });
const planes = Float32Array.from(recording.values[0]!);
const [block] = await filter.run([{ window: filter.createWindow(1), gap: 0, planes, rows: planes.length }]);
await filter.release();

const { lag } = model.guarantees;
const target = targetValues(parseTarget(model.metadata.target!, recording.rate), recording.values[0]!);
const seconds = (seq: number): number => seq / recording.rate;
const points = (values: ArrayLike<number>): [number, number][] =>
  Array.from({ length: to - from }, (_, i) => [seconds(from + i), Math.round(values[from + i]! * 10) / 10]);

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);
const chart = init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 360 });
const line = (
  name: string,
  data: [number, number][],
  color: string,
  width: number,
  type: 'solid' | 'dashed' = 'solid',
) => ({
  name,
  type: 'line' as const,
  data,
  showSymbol: false,
  silent: true,
  itemStyle: { color },
  lineStyle: { color, width, type },
});
const axis = {
  nameLocation: 'middle' as const,
  nameTextStyle: { color: '#444' },
  axisLabel: { color: '#444' },
};
chart.setOption({
  animation: false,
  backgroundColor: '#ffffff',
  textStyle: { fontFamily: 'system-ui, sans-serif' },
  title: {
    text: `${channel}: raw and trend (${model.name}@${model.version}, ${model.guarantees.taps} taps, lag ${((lag / recording.rate) * 1000).toFixed(0)} ms)`,
    left: 'center',
    textStyle: { fontSize: 14, fontWeight: 'normal', color: '#222' },
  },
  legend: { bottom: 0, icon: 'roundRect', itemHeight: 3, itemGap: 40 },
  grid: { left: 70, right: 24, top: 40, bottom: 72 },
  xAxis: {
    ...axis,
    type: 'value',
    name: 'time (s)',
    nameGap: 26,
    min: Math.ceil(seconds(from)),
    max: Math.floor(seconds(to)),
    splitLine: { show: false },
  },
  yAxis: { ...axis, type: 'value', name: 'acceleration (milli-g)', nameGap: 48 },
  series: [
    line('raw', points(planes), '#b8bcc4', 1),
    line('trend, as it comes', points(block!.trend), '#0b6bcb', 2.5),
    line('target: the smoother, with hindsight', points(target), '#d9480f', 1.5, 'dashed'),
  ],
});
writeFileSync('docs/trend.svg', chart.renderToSVGString());
chart.dispose();
await pictureDashboard();
