/** What a kernel does to a step and to each frequency. */

/** The trend of a step from 0 to 1 at sample 0, less a bias: the running sums of the taps. */
export function stepResponse(taps: ArrayLike<number>): Float64Array {
  let total = 0;
  return Float64Array.from(taps, (w) => {
    total += w;
    return total;
  });
}

export interface FrequencyResponse {
  /** Cycles per sample, 0 … ½. */
  readonly frequency: number;
  /** |H(f)|, H(f) = Σ w[j]·exp(-2πi·f·j). */
  readonly magnitude: number;
  /** 20·log10 |H(f)|; -Infinity where nothing passes. */
  readonly decibels: number;
  /** -dφ/dω in samples; null where nothing passes, for there is no phase. */
  readonly groupDelay: number | null;
}

/** A magnitude below this share of Σ |w| is rounding. */
const nothing = 1e-9;

/**
 * The response of taps (newest first) at one frequency. The group delay is Re(Σ j·w[j]·z^j / Σ w[j]·z^j), z = exp(-2πi·f)
 * (J. O. Smith, Introduction to Digital Filters, "Numerical computation of group delay").
 *
 * @param frequency cycles per sample, 0 … ½
 */
export function frequencyResponse(taps: ArrayLike<number>, frequency: number): FrequencyResponse {
  let [re, im, rampRe, rampIm, scale] = [0, 0, 0, 0, 0];
  for (let j = 0; j < taps.length; j++) {
    const w = taps[j]!;
    const angle = 2 * Math.PI * frequency * j;
    const [c, s] = [w * Math.cos(angle), -w * Math.sin(angle)];
    re += c;
    im += s;
    rampRe += j * c;
    rampIm += j * s;
    scale += Math.abs(w);
  }
  const magnitude = Math.hypot(re, im);
  const passes = magnitude > nothing * scale;
  return {
    frequency,
    magnitude,
    decibels: 20 * Math.log10(magnitude),
    groupDelay: passes ? (rampRe * re + rampIm * im) / (magnitude * magnitude) : null,
  };
}
