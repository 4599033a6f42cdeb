/**
 * The gate: what a model file has to be before anything else sees it. Everything is checked by name against the two
 * graphs that `encodeModel` writes; the guarantees are recomputed from the weights.
 */
import { FirtrendError } from '../dsp/error.ts';
import { boundedParse } from './boundedParse.ts';
import { kernelsOfGraph } from './kernelsOfGraph.ts';
import { decodeMetadata } from './metadata.ts';
import { must } from './must.ts';
import { irVersion, opsetVersion } from './onnxGraph.ts';
import { type TrendModel, trendModel } from './trendModel.ts';

/** What an operator may let a model lack. */
export interface Allowed {
  /** Older taps may weigh more than newer ones (`simplex`, a negative α): no concave step response. */
  readonly unordered?: boolean | undefined;
  /** A constant may be added: the trend may leave the range of its samples. */
  readonly bias?: boolean | undefined;
}

/**
 * The model that these bytes hold, if it passes the gate.
 *
 * @param where what messages call the file, as a rule its path
 * @throws FirtrendError `modelNotOnnx`; `modelRefused`, naming the check, what was expected and what came;
 *   `modelNotAllowed`, naming the guarantees that are lost and not allowed to be
 */
export function readModel(bytes: Uint8Array, where: string, allow: Allowed = {}): TrendModel {
  try {
    const model = trendModelOf(boundedParse(bytes));
    checkAllowed(model, allow);
    return model;
  } catch (cause) {
    if (!(cause instanceof FirtrendError)) throw cause;
    throw new FirtrendError(cause.code, `model ${where}: ${cause.message}`, { cause });
  }
}

function trendModelOf(model: ReturnType<typeof boundedParse>): TrendModel {
  must(model.irVersion === irVersion, 'ir_version', String(irVersion), model.irVersion);
  const opsets = model.opsetImport.map(({ domain, version }) => [domain, Number(version)]);
  const opset = JSON.stringify([['', Number(opsetVersion)]]);
  must(JSON.stringify(opsets) === opset, 'opset_import', opset, opsets);
  const { taps, channels, rate, ...metadata } = decodeMetadata(model.metadataProps);
  const kernels = kernelsOfGraph(model.graph, channels?.length);
  const length = kernels[0]!.taps.length;
  must(taps === undefined || taps === length, 'metadata firtrend.taps', `${length}, as in the weights`, taps);
  return trendModel({ kernels, channels, rate, metadata });
}

function checkAllowed({ guarantees, kernels }: TrendModel, allow: Allowed): void {
  const unordered = !guarantees.concaveStepResponse && allow.unordered !== true;
  const biased = kernels.some(({ bias }) => bias !== 0) && allow.bias !== true;
  if (!unordered && !biased) return;
  const missing = [unordered ? 'unordered' : '', biased ? 'bias' : '']
    .filter((word) => word !== '')
    .join(' and ');
  const lost = guarantees.lost.slice(0, 4).join('; ');
  const more = guarantees.lost.length > 4 ? `; and ${guarantees.lost.length - 4} more` : '';
  throw new FirtrendError(
    'modelNotAllowed',
    `guarantees: expected all of them, got a model that lost some: ${lost}${more}; the operator may allow: ${missing}`,
  );
}
