import { guarantees } from '../../dsp/guarantees.ts';
import { normalised } from '../../dsp/kernel.ts';
import { frequencyResponse, stepResponse } from '../../dsp/response.ts';
import type { TrainedKernel } from '../learnAll.ts';
import type { TrainResult } from '../train.ts';
import { averageCurves } from './averages.ts';
import type { Plot, Series } from './chart.ts';
import { kernelColours } from './colours.ts';
import type { Stretch } from './heldOut.ts';

interface Shown {
  readonly name: string;
  /** Newest first, Σ = 1. */
  readonly taps: Float64Array;
}

/** The kernels that differ, those that only differ in their bias being one; and as many of them as there are colours. */
export function shownKernels(kernels: readonly TrainedKernel[]): {
  readonly shown: readonly Shown[];
  /** How many differ. */
  readonly count: number;
} {
  const own = kernels.filter(({ taps }, i) => i === 0 || taps.some((tap, j) => tap !== kernels[0]!.taps[j]));
  const shown = own.slice(0, kernelColours.length).map(({ channel, taps }) => ({
    name: own.length === 1 ? 'this kernel' : (channel ?? 'this kernel'),
    taps: normalised(taps),
  }));
  return { shown, count: own.length };
}

type Points = Series['points'];

function each(shown: readonly Shown[], points: (taps: Float64Array) => Points): Series[] {
  return shown.map(({ name, taps }, i) => ({ name, colour: kernelColours[i]!, points: points(taps) }));
}

/** The kernel, its step response, its magnitude and its delay. */
export function responsePlots(shown: readonly Shown[], rate: number): readonly Plot[] {
  const age = { name: 'age (samples)', min: 0 };
  const frequencies = Array.from({ length: 257 }, (_, i) => i / 512);
  const frequency = {
    x: { name: 'frequency (cycles/sample)', min: 0, max: 0.5 },
    top: { name: 'frequency (Hz)', min: 0, max: rate / 2 },
  };
  return [
    {
      id: 'kernel',
      title: 'Kernel',
      label: 'The weight of each sample by its age in samples',
      x: age,
      y: { name: 'weight', min: 0 },
      series: each(shown, (taps) => Array.from(taps, (w, j) => [j, w] as const)),
    },
    {
      id: 'step',
      title: 'Step response',
      label: 'The trend after the signal has stepped from 0 to 1, by samples since the step',
      x: { name: 'time since the step (samples)', min: 0 },
      y: { name: 'trend', min: 0, max: 1 },
      series: each(shown, (taps) => Array.from(stepResponse(taps), (s, j) => [j, Math.min(s, 1)] as const)),
    },
    {
      id: 'magnitude',
      title: 'Magnitude response',
      label: 'The gain in decibels by frequency in cycles per sample and in hertz; 0 dB at frequency 0',
      ...frequency,
      y: { name: 'gain (dB)', max: 0 },
      series: each(shown, (taps) =>
        frequencies.map(
          (f) => [f, Math.max(-100, Math.min(0, frequencyResponse(taps, f).decibels))] as const,
        ),
      ),
    },
    {
      id: 'delay',
      title: 'Group delay',
      label:
        'The group delay in samples by frequency in cycles per sample and in hertz; at frequency 0 it is the lag',
      ...frequency,
      y: { name: 'delay (samples)' },
      series: each(shown, (taps) => frequencies.map((f) => [f, boundedDelay(taps, f)] as const)),
    },
  ];
}

/** Beside a null the delay is a spike that says nothing: longer than the kernel either way, it is not drawn. */
function boundedDelay(taps: Float64Array, f: number): number | null {
  const { groupDelay } = frequencyResponse(taps, f);
  return groupDelay !== null && Math.abs(groupDelay) <= taps.length ? groupDelay : null;
}

/** The loss that TensorFlow saw by its steps, and where the kernel ended. */
export function lossPlot({ fit, loss }: TrainResult): Plot {
  const { trajectory } = fit;
  const last = trajectory.length - 1;
  const stride = Math.max(1, Math.ceil(trajectory.length / 400));
  const taken = [...trajectory.entries()].filter(([step]) => step % stride === 0 || step === last);
  const end = loss.train.learned;
  return {
    id: 'loss',
    title: 'Loss over steps',
    label: 'The training loss after each step of TensorFlow, and the loss of the stored kernel as a line',
    x: { name: 'step', min: 0, max: Math.max(1, last) },
    y: {
      name: 'loss (1: no filter)',
      ...(end > 0 && Math.max(...taken.map(([, value]) => value)) > 30 * end && { log: 10 }),
    },
    series: [
      { name: 'TensorFlow', colour: 'trend', points: taken },
      {
        name: 'the stored kernel',
        colour: 'target',
        dashed: true,
        points: [
          [0, end],
          [Math.max(1, last), end],
        ],
      },
    ],
  };
}

/** What the kernel makes of a stretch. */
export function stretchPlot({ seconds, raw, target, trend, heldOut }: Stretch): Plot {
  const [unit, size] = timeUnit(seconds.at(-1)! - seconds[0]!);
  const points = (values: Float64Array): Points =>
    seconds.map((second, i) => [second / size, Number.isNaN(values[i]!) ? null : values[i]!] as const);
  return {
    id: 'stretch',
    title: `Raw, target and trend on a ${heldOut ? 'held-out' : 'training'} stretch`,
    label: 'The samples as they came, the target and the trend, by time',
    x: { name: `time (${unit})`, min: seconds[0]! / size, max: seconds.at(-1)! / size, ends: false },
    y: { name: 'value (unit of the channel)' },
    series: [
      { name: 'raw', colour: 'raw', width: 1, points: points(raw) },
      { name: 'target', colour: 'target', width: 1.5, dashed: true, points: points(target) },
      { name: 'trend, as it comes', colour: 'trend', width: 2.5, points: points(trend) },
    ],
  };
}

function timeUnit(span: number): readonly [unit: string, seconds: number] {
  if (span < 600) return ['s', 1];
  if (span < 36_000) return ['min', 60];
  return span < 864_000 ? ['h', 3600] : ['days', 86_400];
}

/** Noise gain against lag: this kernel among the averages, above the bound of its class. */
export function tradePlot(shown: readonly Shown[]): Plot {
  const at = shown.map(({ taps }) => guarantees({ taps, bias: 0 }));
  // A kernel that is all but the newest sample has no place on a logarithmic axis: it is put at its left end.
  const lags = at.map(({ lag }) => Math.max(lag, 0.05));
  // Close around the kernels, for the averages lie within an eighth of the bound: over decades they look like one.
  const around = (values: readonly number[]) => ({
    min: 2 ** Math.floor(Math.log2(Math.min(...values) / 1.3)),
    max: 2 ** Math.ceil(Math.log2(Math.max(...values) * 1.3)),
  });
  const across = around(lags);
  const { moving, exponential, linear, bound } = averageCurves(across.min, across.max);
  const up = around([...at.map(({ noiseGain }) => noiseGain), ...bound.map(([, noiseGain]) => noiseGain)]);
  return {
    id: 'trade',
    title: 'Delay against noise',
    label:
      'Noise gain by lag in samples on logarithmic axes: moving, exponential and linear averages, the bound 4/9 and this kernel',
    x: { name: 'lag (samples)', log: 2, ...across },
    y: { name: 'noise gain', log: 2, min: up.min, max: Math.min(1, up.max) },
    series: [
      { name: 'moving averages', colour: 'green', width: 5, points: moving },
      { name: 'exponential averages', colour: 'purple', width: 2, dashed: true, points: exponential },
      { name: 'linearly falling taps', colour: 'olive', width: 4, points: linear },
      {
        name: 'bound: noise gain × (lag + ½) = 4/9',
        colour: 'black',
        width: 1.5,
        dashed: true,
        points: bound,
      },
      ...shown.map(({ name }, i) => ({
        name,
        colour: kernelColours[i]!,
        points: [[lags[i]!, at[i]!.noiseGain] as const],
      })),
    ],
  };
}
