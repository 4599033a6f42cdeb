import { FirtrendError } from '../dsp/error.ts';

/**
 * The largest lag of a kernel: a number of samples, or of seconds with `s` (`0.1s`).
 *
 * @param rate samples per second
 * @returns samples ≥ 0
 * @throws FirtrendError `maxLag`
 */
export function parseMaxLag(text: string, rate: number): number {
  const [, number, seconds] = /^(.*?)(s?)$/.exec(text.trim()) ?? [];
  const value = Number(number || Number.NaN) * (seconds === 's' ? rate : 1);
  if (value >= 0 && Number.isFinite(value)) return value;
  throw new FirtrendError(
    'maxLag',
    `max-lag: expected a number of samples from 0 on, or of seconds with s (0.1s), got ${text}`,
  );
}
