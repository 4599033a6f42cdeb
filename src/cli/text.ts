import type { Guarantees } from '../dsp/guarantees.ts';

/** A number to so many significant digits, without trailing zeros. */
export function digits(value: number, count = 4): string {
  return String(Number(value.toPrecision(count)));
}

/** The guarantees of a kernel in words. */
export function guaranteesText(g: Guarantees, rate?: number | null): string {
  const seconds = rate ? ` (${digits((g.lag / rate) * 1000)} ms)` : '';
  const lines = [
    `lag ${digits(g.lag)} samples${seconds}, noise gain ${digits(g.noiseGain)}, DC gain ${digits(g.dcGain, 9)}`,
  ];
  if (g.noOvershoot) lines.push('the trend never leaves the range of the samples in its window');
  if (g.concaveStepResponse) lines.push('the step response is monotone and concave');
  for (const lost of g.lost) lines.push(`not guaranteed: ${lost}`);
  return lines.join('\n');
}
