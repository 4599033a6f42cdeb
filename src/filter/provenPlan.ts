import { FirtrendError } from '../dsp/error.ts';
import type { Provider } from './onnxruntime.ts';
import type { Convolution, Plan } from './plans.ts';
import { prove } from './proof.ts';

export interface ProvenPlan {
  readonly plan: Plan;
  readonly convolution: Convolution;
  /** Whether bits are promised: proven, and on the CPU. */
  readonly exact: boolean;
}

/**
 * The first plan whose bits do not depend on the cut, or, where none is such, the first of all with `exact: false`.
 * On CUDA, which promises no bits, the first plan is taken as it is.
 *
 * @param lanes taps of each lane, newest first
 * @throws FirtrendError `filterProof` as soon as a plan computes wrong values
 */
export async function provenPlan(
  order: readonly Plan[],
  lanes: readonly Float32Array[],
  on: { readonly provider: Provider; readonly shared: boolean },
): Promise<ProvenPlan> {
  let first: ProvenPlan | undefined;
  for (const plan of order) {
    if (plan.supported && !(await plan.supported(on.provider))) continue;
    const convolution = await plan.open(lanes, on.provider);
    let equal: boolean;
    try {
      equal = await prove(convolution, plan, lanes, on);
    } catch (error) {
      await Promise.all([convolution.release(), first?.convolution.release()]);
      throw error;
    }
    if (on.provider === 'cuda') return { plan, convolution, exact: false };
    if (equal) {
      await first?.convolution.release();
      return { plan, convolution, exact: true };
    }
    if (first) await convolution.release();
    else first = { plan, convolution, exact: false };
  }
  if (first) return first;
  throw new FirtrendError('filterProof', 'plans: expected at least one, got none');
}
