import { expect, test } from 'vitest';
import { readModel } from '../../src/model/gate.ts';
import { hostileModels } from './hostileModels.ts';
import { everything, refusal } from './modelFiles.ts';

test.each(hostileModels)('refused by name: $name', ({ code, message, bytes }) => {
  expect(() => readModel(bytes, 'h.onnx', everything)).toThrow(refusal(code, message));
});
