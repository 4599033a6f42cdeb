/** What several kernels, one for each channel, come to together: the mean over the channels that have a loss. */
import type { Losses } from './baselines.ts';
import type { Certificate } from './certificate.ts';
import type { Covered } from './covered.ts';
import type { Fit } from './fit.ts';
import type { Learned } from './learn.ts';

/** Losses of each filter, averaged; null where no kernel has them. */
export function pooledLosses(all: readonly (Losses | null)[]): Losses | null {
  const given = all.filter((losses) => losses !== null);
  if (given.length === 0) return null;
  const of = (name: keyof Losses) => mean(given.map((losses) => losses[name]));
  return {
    learned: of('learned'),
    ema: of('ema'),
    sma: of('sma'),
    ramp: of('ramp'),
    newest: of('newest'),
    free: of('free'),
  };
}

/** Null where no kernel aims at a share of targets. */
export function pooledCovered(all: readonly (Covered | null)[]): Covered | null {
  const given = all.filter((covered) => covered !== null);
  if (given.length === 0) return null;
  const heldOut = given.flatMap((covered) => covered.heldOut ?? []);
  return {
    train: mean(given.map((covered) => covered.train)),
    heldOut: heldOut.length === 0 ? null : mean(heldOut),
  };
}

/** The mean of the gaps bounds the mean of the losses, for each kernel is the best of its channel alone. */
export function pooledCertificate(learned: readonly Pick<Learned, 'certificate' | 'train'>[]): Certificate {
  if (learned.length === 1) return learned[0]!.certificate;
  const gap = mean(learned.map(({ certificate }) => certificate.gap));
  const reached = learned.find(({ certificate }) => certificate.relative === null)?.certificate.reason;
  if (learned.every(({ certificate }) => certificate.relative === null)) {
    return { gap, relative: null, ...(reached !== undefined && { reason: reached }) };
  }
  return { gap, relative: gap / mean(learned.map(({ train }) => train.learned)) };
}

/** One course of several fits: the mean loss by step, each held at its last; norms and endings are the worst. */
export function pooledFit(fits: readonly Fit[]): Omit<Fit, 'taps'> {
  const longest = Math.max(...fits.map(({ trajectory }) => trajectory.length));
  const endings = ['steps', 'noDescent', 'converged'] as const;
  return {
    trajectory: Array.from({ length: longest }, (_, step) =>
      mean(fits.map(({ trajectory }) => trajectory[Math.min(step, trajectory.length - 1)]!)),
    ),
    steps: Math.max(...fits.map(({ steps }) => steps)),
    stopped: endings.find((ending) => fits.some(({ stopped }) => stopped === ending))!,
    gradientNorm: Math.max(...fits.map(({ gradientNorm }) => gradientNorm)),
    moved: Math.max(...fits.map(({ moved }) => moved)),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
