import { pythonPath, whyNoPython } from '../../test/support/python.ts';
import { lengths, type Proof, prove, recordings, targets } from '../../test/train/proof/grid.ts';
import { table } from '../bench/measure.ts';
import { percent, type Shown, small } from './shown.ts';

/**
 * Each recording, K and target with both families, shared and per channel, without and with a largest lag that binds:
 * certificates, SciPy's optimum, and what the polish was left to do.
 */
export async function proveGrid(): Promise<Shown> {
  const python = pythonPath();
  if (python === undefined) return { text: `Not shown: ${whyNoPython()}.`, holds: false };
  const began = performance.now();
  const rows: (readonly (string | number)[])[] = [];
  const all: Proof[] = [];
  for (const recording of recordings) {
    for (const taps of lengths) {
      for (const target of targets) {
        const proofs = await prove(
          python,
          ['boxcars', 'cumulative'].flatMap((family) =>
            [false, true].map((perChannel) => ({ recording, taps, target, family, perChannel })),
          ),
        );
        all.push(...proofs);
        const shared = proofs.find(({ perChannel, maxLag }) => !perChannel && maxLag === null)!;
        rows.push([recording, taps, target, proofs.length, shared.loss.toFixed(5), ...worst(proofs)]);
        console.error(
          `${recording} K = ${taps} ${target}: ${Math.round((performance.now() - began) / 1000)} s`,
        );
      }
    }
  }
  const header = [
    'recording',
    'K',
    'target',
    'trainings',
    'loss (shared)',
    'certificate',
    'differs from Python’s',
    'loss from SciPy’s',
    'above it without the polish',
  ];
  const holds = all.every(
    ({ certificate, certificatesDiffer, fromOptimum, unpolished, maxLag, lag }) =>
      certificate <= 1e-6 &&
      certificatesDiffer <= 1e-6 &&
      fromOptimum <= 1e-6 &&
      unpolished <= 0.002 &&
      (maxLag === null || (lag <= maxLag && lag > 0.999 * maxLag)),
  );
  const minutes = ((performance.now() - began) / 60_000).toFixed(1);
  const text = [
    table(header, rows),
    `${all.length} trainings, ${all.filter(({ maxLag }) => maxLag !== null).length} of them with a largest lag that binds, ` +
      `in ${minutes} min. The worst: ${worst(all).join(', ')}. ` +
      (holds ? 'All promises held.' : 'NOT all promises held.'),
  ].join('\n\n');
  return { text, holds };
}

/** The largest of each figure, all relative to the loss. */
function worst(proofs: readonly Proof[]): string[] {
  const most = (of: (proof: Proof) => number): number => Math.max(...proofs.map(of));
  return [
    small(most(({ certificate }) => certificate)),
    small(most(({ certificatesDiffer }) => certificatesDiffer)),
    small(most(({ fromOptimum }) => fromOptimum)),
    percent(most(({ unpolished }) => unpolished)),
  ];
}
