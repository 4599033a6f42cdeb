import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { StringStringEntryProtoSchema, TensorProto_DataType, TensorProtoSchema } from 'onnx-buf';
import { expect, test } from 'vitest';
import { rampTaps } from '../../src/dsp/families.ts';
import { storedTaps } from '../../src/dsp/kernel.ts';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { float32Bytes } from '../../src/model/float32Bytes.ts';
import { readModel } from '../../src/model/gate.ts';
import { axisTensor, ints, node, string } from '../../src/model/onnxGraph.ts';
import { trendModel } from '../../src/model/trendModel.ts';
import { weighing } from './hostileModels.ts';
import { changed, everything, refusal, samples, taps } from './modelFiles.ts';
import { stored } from './samples.ts';

test.each(Object.entries(samples))('%s: encoded and read again it is the same', (_, model) => {
  expect(readModel(encodeModel(model), 'sample', everything)).toEqual(model);
});

test('any kernel of the class comes back bit for bit', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 513 }),
      fc.double({ min: 0, max: 20, noNaN: true }),
      (length, alpha) => {
        const model = trendModel({ kernels: [{ taps: stored(length, alpha), bias: 0 }] });
        const again = readModel(encodeModel(model), 'property');
        expect(Buffer.from(float32Bytes(again.kernels[0]!.taps))).toEqual(
          Buffer.from(float32Bytes(storedTaps(rampTaps(length, alpha)))),
        );
        expect(again.sha256).toBe(model.sha256);
      },
    ),
    { numRuns: 100 },
  );
});

test('other ways to write the same: float_data, defaults spelled out, no metadata, other names', () => {
  const bytes = changed((model) => {
    const weights = [...samples.shared!.kernels[0]!.taps].reverse();
    model.metadataProps = [create(StringStringEntryProtoSchema, { key: 'author', value: 'somebody' })];
    model.producerName = 'somebody';
    model.graph.node = [
      node('Unsqueeze', ['x', 'one'], 'a'),
      node('Conv', ['a', 'kernel'], 'b', [
        ints('kernel_shape', [1, taps]),
        ints('pads', [0, 0, 0, 0]),
        ints('strides', [1, 1]),
        ints('dilations', [1, 1]),
        string('auto_pad', 'NOTSET'),
      ]),
      node('Squeeze', ['b', 'also one'], 'trend'),
    ];
    model.graph.initializer = [
      create(TensorProtoSchema, {
        name: 'kernel',
        dims: [1n, 1n, 1n, BigInt(taps)],
        dataType: TensorProto_DataType.FLOAT,
        floatData: weights,
      }),
      axisTensor('one', 1),
      create(TensorProtoSchema, {
        name: 'also one',
        dims: [1n],
        dataType: TensorProto_DataType.INT64,
        int64Data: [1n],
      }),
    ];
  });
  const { kernels, rate, metadata } = readModel(bytes, 'other');
  expect(kernels).toEqual(samples.shared!.kernels);
  expect({ rate, metadata }).toEqual({ rate: null, metadata: {} });
});

test('a lost guarantee is named, and only what the operator allows passes', () => {
  const rising = encodeModel(trendModel({ kernels: [{ taps: stored(3, -1), bias: 0 }] }));
  expect(() => readModel(rising, 'r.onnx')).toThrow(
    refusal(
      'modelNotAllowed',
      /^model r\.onnx: guarantees: .*step response is not concave.* may allow: unordered$/,
    ),
  );
  expect(() => readModel(rising, 'r.onnx', { bias: true })).toThrow(refusal('modelNotAllowed', /unordered$/));
  expect(readModel(rising, 'r.onnx', { unordered: true }).guarantees.concaveStepResponse).toBe(false);
  const biased = encodeModel(samples['shared, bias']!);
  expect(() => readModel(biased, 'b.onnx')).toThrow(
    refusal('modelNotAllowed', /bias of -0\.75.* may allow: bias$/),
  );
  expect(readModel(biased, 'b.onnx', { bias: true }).kernels[0]!.bias).toBe(-0.75);
});

test('guarantees in the file are not believed', () => {
  const bytes = changed(({ metadataProps }) => {
    for (const entry of metadataProps) if (entry.key === 'firtrend.guarantees') entry.value = '{"lag":-1}';
  });
  expect(readModel(bytes, 'liar').guarantees).toEqual(samples.shared!.guarantees);
});

test('increasing taps are refused unless allowed', () => {
  expect(() => readModel(weighing([0.75, 0.25]), 'h')).toThrow(refusal('modelNotAllowed', 'not concave'));
});

test('513 taps pass', () => {
  expect(readModel(weighing(Array<number>(513).fill(1 / 513)), 'h').guarantees.taps).toBe(513);
});
