/** Files that are no trend models, each with the name of the check that has to refuse it. */
import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  TypeProtoSchema,
} from 'onnx-buf';
import { float32Tensor, ints, modelBytes, node, valueInfo } from '../../src/model/onnxGraph.ts';
import { hostileChanges } from './hostileChanges.ts';
import { type Change, changed, perChannelFile, sharedFile } from './modelFiles.ts';

export interface HostileModel {
  readonly name: string;
  readonly code: 'modelRefused' | 'modelNotOnnx';
  /** What the message has to say: the check, and mostly what came. */
  readonly message: RegExp;
  readonly bytes: Uint8Array;
}

/** The shared model's file with these weights, oldest first. */
export function weighing(weights: readonly number[]): Uint8Array {
  return changed(({ graph, metadataProps }) => {
    metadataProps.length = 0;
    graph.initializer[0] = float32Tensor('w', [1, 1, 1, weights.length], weights);
    graph.node[1]!.attribute[1] = ints('kernel_shape', [1, weights.length]);
  });
}

const third = Math.fround(1 / 3);
const weights: [name: string, weights: readonly number[], message: RegExp][] = [
  ['a NaN', [0.25, Number.NaN, 0.5], /tap 1: .* got NaN/],
  ['an infinite tap', [0.25, 0.25, Infinity], /tap 0: .* got Infinity/],
  ['a negative tap', [-0.25, 0.5, 0.75], /tap 2: .* got -0\.25/],
  ['a tap of zero', [0, 0.5, 0.5], /tap 2: .* at least 2\^-60, got 0/],
  ['a denormal tap', [1e-40, 0.5, 0.5], /tap 2: .* at least 2\^-60, got 9\.9+/],
  ['a tap below 2^-60', [2 ** -61, 0.5, 0.5], /tap 2/],
  [
    'too large a sum',
    [third, third, third + 2 ** -19],
    /sum of taps: expected 1 to within 2\^-20, got 1\.0000/,
  ],
  ['too small a sum', [0.25, 0.25, 0.25], /sum of taps: .* got 0\.75/],
  ['514 taps', Array<number>(514).fill(1 / 514), /taps of the weights: expected 1 to 513, got 514/],
  ['no taps', [], /taps of the weights: expected 1 to 513, got 0/],
];

const perChannel: [name: string, message: RegExp, change: Change][] = [
  [
    'kernels for channels without names',
    /firtrend\.channels: expected 9 names/,
    (m) => {
      m.metadataProps = m.metadataProps.filter(({ key }) => key !== 'firtrend.channels');
    },
  ],
  [
    'fewer names than kernels',
    /metadata firtrend\.channels: expected 9 names.* got 1$/,
    (m) => {
      for (const entry of m.metadataProps) if (entry.key === 'firtrend.channels') entry.value = '["a"]';
    },
  ],
  [
    'no group',
    /group among them/,
    ({ graph }) => {
      graph.node[0]!.attribute.shift();
    },
  ],
  [
    'a billion channels',
    /channels of the weights: expected 1 to 1024, got 1000000000/,
    ({ graph }) => {
      graph.initializer[0]!.dims = [10n ** 9n, 1n, 5n];
    },
  ],
  [
    'a bias that is infinite',
    /bias of channel axis 0: expected a finite number, got Infinity/,
    ({ graph }) => {
      graph.initializer[1] = float32Tensor('b', [9], Array<number>(9).fill(Infinity));
    },
  ],
];

const biasWithoutNames: Change = ({ graph, metadataProps }) => {
  metadataProps.length = 0;
  graph.initializer.push(float32Tensor('b', [1], [0.5]));
  graph.node[1]!.input.push('b');
};

/** A field with a length, as protobuf writes it. */
function wire(field: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = [(field << 3) | 2];
  for (let rest = content.length; ; rest >>>= 7) {
    head.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Uint8Array.from([...head, ...content]);
}

/** ModelProto.graph of GraphProto.node of NodeProto.attribute of AttributeProto.g, and again, a thousand times. */
function deep(): Uint8Array {
  let inner: Uint8Array = new Uint8Array();
  for (let i = 0; i < 3000; i++) inner = wire([1, 5, 6][i % 3]!, inner);
  return wire(7, wire(1, wire(5, wire(6, inner))));
}

/** Bytes that no encoder writes. */
const malformed: [name: string, code: HostileModel['code'], message: RegExp, bytes: Uint8Array][] = [
  ['a nest a thousand deep', 'modelRefused', /AttributeProto\.g: expected none/, deep()],
  [
    'two graphs',
    'modelRefused',
    /ModelProto\.graph: expected at most one/,
    Buffer.concat([sharedFile, wire(7, new Uint8Array())]),
  ],
  [
    'two versions',
    'modelRefused',
    /ModelProto\.ir_version: expected at most one/,
    Buffer.concat([sharedFile, Uint8Array.of(0x08, 0x08)]),
  ],
  [
    'a million dimensions',
    'modelRefused',
    /dims: expected at most 1024 bytes/,
    wire(7, wire(5, wire(1, new Uint8Array(2 ** 20).fill(1)))),
  ],
  ['no graph', 'modelNotOnnx', /no graph/, Uint8Array.of(0x08, 0x08)],
  ['an overlong length', 'modelNotOnnx', /cut short/, Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f)],
  [
    'a length beyond what holds it',
    'modelNotOnnx',
    /name is cut short/,
    Buffer.concat([wire(7, Uint8Array.of(0x12, 0x09, 0x61)), new Uint8Array(20)]),
  ],
  [
    'a number beyond what holds it',
    'modelNotOnnx',
    /longer than what holds it/,
    // GraphProto.initializer of one byte, whose data_type goes on behind it.
    Buffer.concat([wire(7, wire(5, Uint8Array.of(0x10))), Uint8Array.of(0x01), sharedFile]),
  ],
  ['a group', 'modelNotOnnx', /unknown field 7/, Uint8Array.of(0x3b, 0x3c)],
  ['an unknown field', 'modelNotOnnx', /unknown field 15/, wire(15, new Uint8Array())],
  ['another wire type', 'modelNotOnnx', /ir_version has wire type 5/, Uint8Array.of(0x0d, 0, 0, 0, 0)],
  ['broken UTF-8', 'modelRefused', /producer_name: expected UTF-8/, wire(2, Uint8Array.of(0xff))],
];

/** A whole, valid model of one Loop without a trip count whose condition stays true: running it never ends. */
export function endlessLoop(): Uint8Array {
  const flag = (name: string) => {
    const elemType = TensorProto_DataType.BOOL;
    const type = create(TypeProtoSchema, { value: { case: 'tensorType', value: { elemType, shape: {} } } });
    return { ...valueInfo(name, []), type };
  };
  const round = { ...valueInfo('round', []), type: flag('').type };
  round.type = create(TypeProtoSchema, {
    value: { case: 'tensorType', value: { elemType: TensorProto_DataType.INT64, shape: {} } },
  });
  const body: GraphProto = create(GraphProtoSchema, {
    name: 'body',
    node: [
      node('Identity', ['on'], 'still on'),
      { ...node('Identity', ['value'], 'same value'), name: 'second' },
    ],
    input: [round, flag('on'), valueInfo('value', ['N', 'C', 'L'])],
    output: [flag('still on'), valueInfo('same value', ['N', 'C', 'L'])],
  });
  const attribute = create(AttributeProtoSchema, {
    name: 'body',
    type: AttributeProto_AttributeType.GRAPH,
    g: body,
  });
  const on = create(TensorProtoSchema, {
    name: 'true',
    dataType: TensorProto_DataType.BOOL,
    int32Data: [1],
  });
  return modelBytes({
    name: 'trend',
    node: [node('Loop', ['', 'true', 'x'], 'trend', [attribute])],
    initializer: [on],
    input: [valueInfo('x', ['N', 'C', 'L'])],
    output: [valueInfo('trend', ['N', 'C', 'L'])],
  });
}

const refused = (name: string, message: RegExp, bytes: Uint8Array): HostileModel => ({
  name,
  code: 'modelRefused',
  message,
  bytes,
});

export const hostileModels: readonly HostileModel[] = [
  ...hostileChanges.map(([name, message, change]) => refused(name, message, changed(change))),
  ...weights.map(([name, taps, message]) => refused(name, message, weighing(taps))),
  ...perChannel.map(([name, message, change]) => refused(name, message, changed(change, perChannelFile))),
  refused(
    'a bias without names',
    /channels: expected names, because there is a bias/,
    changed(biasWithoutNames),
  ),
  refused('a Loop that never ends', /NodeProto|AttributeProto\.g: expected none/, endlessLoop()),
  ...malformed.map(([name, code, message, bytes]) => ({ name, code, message, bytes })),
];
