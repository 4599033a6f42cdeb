import type { BiasedTaps } from './objective.ts';
import type { Problem } from './problems.ts';

/** The share of targets that the trend is not below, mean over channels. */
export interface Covered {
  readonly train: number;
  readonly heldOut: number | null;
}

/** Null where the loss does not aim at a share. */
export function coveredBy(
  kernel: BiasedTaps,
  { objective, heldOut }: Pick<Problem, 'objective' | 'heldOut'>,
): Covered | null {
  if (objective.covered === undefined) return null;
  return { train: objective.covered(kernel), heldOut: heldOut?.covered?.(kernel) ?? null };
}
