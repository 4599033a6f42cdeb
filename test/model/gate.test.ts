import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { StringStringEntryProtoSchema } from 'onnx-buf';
import { expect, test } from 'vitest';
import { rampTaps } from '../../src/dsp/families.ts';
import { storedTaps } from '../../src/dsp/kernel.ts';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { float32Bytes } from '../../src/model/float32Bytes.ts';
import { readModel } from '../../src/model/gate.ts';
import { axisTensor, float32Tensor, ints, node, string } from '../../src/model/onnxGraph.ts';
import { trendModel } from '../../src/model/trendModel.ts';
import { changed, everything, perChannelFile, refusal, samples, taps } from './modelFiles.ts';
import { stored } from './samples.ts';

/** The shared model's file with these weights, oldest first. */
function weighing(weights: readonly number[]): Uint8Array {
  return changed(({ graph, metadataProps }) => {
    metadataProps.length = 0;
    graph.initializer[0] = float32Tensor('w', [1, 1, 1, weights.length], weights);
    graph.node[1]!.attribute[1] = ints('kernel_shape', [1, weights.length]);
  });
}

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
      { ...float32Tensor('kernel', [1, 1, 1, taps], []), floatData: weights },
      axisTensor('one', 1),
      { ...axisTensor('also one', 1), rawData: new Uint8Array(), int64Data: [1n] },
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

test('per channel: the channels are named, as many as there are kernels', () => {
  const without = changed((m) => {
    m.metadataProps = m.metadataProps.filter(({ key }) => key !== 'firtrend.channels');
  }, perChannelFile);
  expect(() => readModel(without, 'h', everything)).toThrow(
    refusal('modelRefused', /firtrend\.channels: expected 9 names/),
  );
  const fewer = changed((m) => {
    for (const entry of m.metadataProps) if (entry.key === 'firtrend.channels') entry.value = '["a"]';
  }, perChannelFile);
  expect(() => readModel(fewer, 'h', everything)).toThrow(
    refusal('modelRefused', /expected 9 names.* got 1$/),
  );
});

const third = Math.fround(1 / 3);
test.each([
  ['NaN', [0.25, Number.NaN, 0.5], /tap 1: .* got NaN/],
  ['infinite', [0.25, 0.25, Infinity], /tap 0: .* got Infinity/],
  ['negative', [-0.25, 0.5, 0.75], /tap 2: .* got -0\.25/],
  ['zero', [0, 0.5, 0.5], /tap 2: .* at least 2\^-60, got 0/],
  ['too small', [2 ** -61, 0.5, 0.5], /tap 2/],
  [
    'sum too large',
    [third, third, third + 2 ** -19],
    /sum of taps: expected 1 to within 2\^-20, got 1\.0000/,
  ],
  ['too many', Array<number>(514).fill(1 / 514), /taps: expected 1 to 513, got 514/],
  ['none', [], /taps: expected 1 to 513, got 0/],
])('taps are refused: %s', (_, weights, message) => {
  expect(() => readModel(weighing(weights), 'h', everything)).toThrow(refusal('modelRefused', message));
});

test('increasing taps are refused unless allowed', () => {
  expect(() => readModel(weighing([0.75, 0.25]), 'h')).toThrow(refusal('modelNotAllowed', 'not concave'));
});

test('513 taps pass', () => {
  expect(readModel(weighing(Array<number>(513).fill(1 / 513)), 'h').guarantees.taps).toBe(513);
});
