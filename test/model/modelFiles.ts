import { fromBinary, toBinary } from '@bufbuild/protobuf';
import type { ModelProto } from 'onnx-buf';
import { ModelProtoSchema } from 'onnx-buf';
import { expect } from 'vitest';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { sampleModels } from './samples.ts';

export const taps = 5;
export const samples = sampleModels(taps);
export const sharedFile = encodeModel(samples.shared!);
export const perChannelFile = encodeModel(samples['per channel, bias']!);
export const everything = { unordered: true, bias: true };

/** A FirtrendError of this code whose message matches. */
export function refusal(code: string, message: RegExp | string): object {
  return expect.objectContaining({ code, message: expect.stringMatching(message) });
}

export type Change = (model: ModelProto & { graph: NonNullable<ModelProto['graph']> }) => void;

/** A model file, the shared one if none is given, with one thing changed. */
export function changed(change: Change, file = sharedFile): Uint8Array {
  const model = fromBinary(ModelProtoSchema, file);
  change(model as Parameters<Change>[0]);
  return toBinary(ModelProtoSchema, model);
}
