import { type AnyRecording, asStored } from './recording.ts';
import { numbersOf } from './samples.ts';

/** The share of a channel's usual step that the rounding to float32 may take before it is told. */
const tolerable = 0.01;

/** Steps enough for a median. */
const mostSteps = 50_000;

/**
 * Warnings for channels whose float32 spacing at the largest |x| exceeds 1 % of their median step (a pressure of
 * 101,325 Pa has a spacing of 0.0078 Pa), with the figures. The median is over the steps that are not 0: a sensor that
 * repeats its readings has a median step of 0 at any resolution.
 */
export function spacingWarnings(recording: AnyRecording): string[] {
  const { channels, samples } = asStored(recording);
  return channels.flatMap((name, c) => {
    const x = samples[c]!;
    const stride = Math.ceil(x.length / mostSteps);
    const found: number[] = [];
    let largest = 0;
    let previous = Number.NaN;
    let n = 0;
    for (const value of numbersOf(x)) {
      if (Math.abs(value) > largest) largest = Math.abs(value);
      const step = Math.abs(value - previous);
      if (n++ % stride === 0 && step > 0) found.push(step);
      previous = value;
    }
    const steps = Float64Array.from(found).sort();
    const step = steps[steps.length >> 1];
    const spacing = float32Spacing(largest);
    if (step === undefined || spacing <= tolerable * step) return [];
    return [
      `channel "${name}": float32 numbers near its largest value ${largest} are ${spacing.toPrecision(3)} apart, ` +
        `${((100 * spacing) / step).toPrecision(3)} % of its median step of ${step.toPrecision(3)}; ` +
        'subtract a level with --offset first',
    ];
  });
}

/** The distance from x to the next larger float32. */
function float32Spacing(x: number): number {
  const bits = new Uint32Array(Float32Array.of(x).buffer);
  const here = new Float32Array(bits.buffer)[0]!;
  bits[0]!++;
  return new Float32Array(bits.buffer)[0]! - here;
}
