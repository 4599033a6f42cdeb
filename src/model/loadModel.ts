import { type Allowed, readModel } from './gate.ts';
import { readModelFile } from './readModelFile.ts';
import { resolve } from './repository.ts';
import type { TrendModel } from './trendModel.ts';

/** A model that passed the gate, and where it was found; name and version are null where a file was named. */
export interface LoadedModel extends TrendModel {
  readonly name: string | null;
  readonly version: number | null;
  /** Of `model.onnx`. */
  readonly path: string;
}

/**
 * The model that `ref` means: a file, `NAME` (the version in force) or `NAME@VERSION` in the repository `models`.
 *
 * @param options.allow which guarantees it may lack; none by default
 * @throws FirtrendError `modelNotFound`, `modelFile`, `modelNotOnnx`, `modelRefused`, `modelNotAllowed`
 */
export async function loadModel(
  ref: string,
  options: { readonly models: string; readonly allow?: Allowed | undefined },
): Promise<LoadedModel> {
  const found = await resolve(options.models, ref);
  return { ...readModel(await readModelFile(found.path), found.path, options.allow), ...found };
}
