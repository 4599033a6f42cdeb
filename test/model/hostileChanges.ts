/** Files that are no trend models, each with the name of the check that has to refuse it. */
import { clearField, create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  SparseTensorProtoSchema,
  StringStringEntryProtoSchema,
  TensorAnnotationSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  TrainingInfoProtoSchema,
} from 'onnx-buf';
import { axisTensor, float32Tensor, int, ints, node, string, valueInfo } from '../../src/model/onnxGraph.ts';
import { type Change, taps } from './modelFiles.ts';

/** An attribute that holds a graph, as a Loop's body does. */
const body = create(AttributeProtoSchema, {
  name: 'body',
  type: AttributeProto_AttributeType.GRAPH,
  g: create(GraphProtoSchema, { name: 'body' }),
});

/** Well-formed files: the shared model with one thing changed. */
export const hostileChanges: readonly [name: string, message: RegExp, change: Change][] = [
  [
    'a subgraph',
    /AttributeProto\.g: expected none/,
    ({ graph }) => graph.node.push(node('Loop', ['x'], 'y', [body])),
  ],
  [
    'a list of subgraphs',
    /AttributeProto\.graphs/,
    ({ graph }) => {
      graph.node[1]!.attribute.push(create(AttributeProtoSchema, { name: 'g', graphs: [{ name: 'g' }] }));
    },
  ],
  [
    'external data',
    /TensorProto\.external_data/,
    ({ graph }) => {
      graph.initializer[0]!.externalData = [
        create(StringStringEntryProtoSchema, { key: 'location', value: '/etc/passwd' }),
      ];
    },
  ],
  [
    'data elsewhere',
    /TensorProto\.data_location/,
    ({ graph }) => {
      graph.initializer[0]!.dataLocation = TensorProto_DataLocation.EXTERNAL;
    },
  ],
  [
    'a sparse initializer',
    /GraphProto\.sparse_initializer/,
    ({ graph }) => {
      graph.sparseInitializer = [create(SparseTensorProtoSchema, { dims: [1n] })];
    },
  ],
  [
    'a function',
    /ModelProto\.functions/,
    (m) => m.functions.push(create(FunctionProtoSchema, { name: 'Conv' })),
  ],
  ['training', /ModelProto\.training_info/, (m) => m.trainingInfo.push(create(TrainingInfoProtoSchema))],
  [
    'quantization',
    /GraphProto\.quantization_annotation/,
    ({ graph }) => {
      graph.quantizationAnnotation = [create(TensorAnnotationSchema, { tensorName: 'w' })];
    },
  ],
  [
    'an IR version',
    /ir_version: expected 8, got 9/,
    (m) => {
      m.irVersion = 9n;
    },
  ],
  [
    'an opset',
    /opset_import: expected \[\["",17\]\], got \[\["",18\]\]/,
    (m) => {
      m.opsetImport[0]!.version = 18n;
    },
  ],
  [
    'a second opset',
    /opset_import/,
    (m) => m.opsetImport.push({ ...m.opsetImport[0]!, domain: 'com.example' }),
  ],
  [
    'a foreign domain',
    /operators: .* got \["Unsqueeze","com\.microsoft\.Conv"/,
    ({ graph }) => {
      graph.node[1]!.domain = 'com.microsoft';
    },
  ],
  [
    'an operator named like the list',
    /operators/,
    ({ graph }) => {
      graph.node = [node('Unsqueeze, Conv, Squeeze', ['x'], 'trend')];
    },
  ],
  [
    'an extra operator',
    /operators: .*"Relu"\]/,
    ({ graph }) => graph.node.push(node('Relu', ['trend'], 'y')),
  ],
  [
    'no operator',
    /operators: .*got \[\]/,
    ({ graph }) => {
      graph.node = [];
    },
  ],
  [
    'operators out of order',
    /input of Unsqueeze: expected x/,
    ({ graph }) => {
      graph.node[0]!.input[0] = 'trends';
    },
  ],
  ['two outputs', /outputs of Conv: expected 1, got 2/, ({ graph }) => graph.node[1]!.output.push('more')],
  [
    'a name used twice',
    /names: expected each once/,
    ({ graph }) => {
      graph.node[2]!.output = ['x'];
    },
  ],
  [
    'another last name',
    /output of the last operator: expected trend/,
    ({ graph }) => {
      graph.node[2]!.output = ['y'];
    },
  ],
  [
    'an unused initializer',
    /initializers: .*\["z"\]/,
    ({ graph }) => graph.initializer.push(float32Tensor('z', [1], [1])),
  ],
  [
    'weights from nowhere',
    /input of Conv: expected an initializer, got "v"/,
    ({ graph }) => {
      graph.node[1]!.input[1] = 'v';
    },
  ],
  ['four inputs', /inputs of Conv/, ({ graph }) => graph.node[1]!.input.push('w', 'w')],
  [
    'an axis as attribute',
    /attributes of Squeeze: expected none/,
    ({ graph }) => graph.node[2]!.attribute.push(ints('axes', [1])),
  ],
  [
    'another axis',
    /axes of Unsqueeze: expected \[1\], got \[0\]/,
    ({ graph }) => {
      graph.initializer[1] = axisTensor('axes', 0);
    },
  ],
  [
    'a float axis',
    /data type of axes of Unsqueeze/,
    ({ graph }) => {
      graph.initializer[1] = float32Tensor('axes', [1], [1]);
    },
  ],
  ['padding', /pads of Conv/, ({ graph }) => graph.node[1]!.attribute.push(ints('pads', [0, 4, 0, 0]))],
  ['strides', /strides of Conv/, ({ graph }) => graph.node[1]!.attribute.push(ints('strides', [1, 2]))],
  ['dilations', /dilations of Conv/, ({ graph }) => graph.node[1]!.attribute.push(ints('dilations', [1, 2]))],
  [
    'automatic padding',
    /auto_pad of Conv/,
    ({ graph }) => graph.node[1]!.attribute.push(string('auto_pad', 'SAME_UPPER')),
  ],
  [
    'an unknown attribute',
    /attribute of Conv: .* got "\\u001b\[31m"/,
    ({ graph }) => graph.node[1]!.attribute.push(int('\u001b[31m', 1)),
  ],
  [
    'an attribute twice',
    /attributes of Conv: expected each once/,
    ({ graph }) => graph.node[1]!.attribute.push(int('group', 1)),
  ],
  [
    'another group',
    /group of Conv/,
    ({ graph }) => {
      graph.node[1]!.attribute[0] = int('group', 2);
    },
  ],
  [
    'another kernel_shape',
    /kernel_shape of Conv/,
    ({ graph }) => {
      graph.node[1]!.attribute[1] = ints('kernel_shape', [1, 4]);
    },
  ],
  [
    'no kernel_shape',
    /kernel_shape among them/,
    ({ graph }) => {
      graph.node[1]!.attribute.pop();
    },
  ],
  [
    'float64 weights',
    /data type of weights: expected 1 \(FLOAT\), got 11/,
    ({ graph }) => {
      graph.initializer[0]!.dataType = TensorProto_DataType.DOUBLE;
    },
  ],
  [
    'another rank',
    /dimensions of weights: expected \[1,1,1,5\], got \[1,1,5\]/,
    ({ graph }) => {
      graph.initializer[0]!.dims = [1n, 1n, 5n];
    },
  ],
  [
    'missing bytes',
    /raw_data of weights: expected 20 bytes, got 19/,
    ({ graph }) => {
      graph.initializer[0]!.rawData = graph.initializer[0]!.rawData.slice(1);
    },
  ],
  [
    'missing numbers',
    /float_data of weights: expected 5 numbers, got 0/,
    ({ graph }) => {
      clearField(graph.initializer[0]!, TensorProtoSchema.field.rawData);
    },
  ],
  [
    'numbers beside empty bytes, which other runtimes read',
    /data of weights: expected either/,
    ({ graph }) => {
      graph.initializer[0]!.floatData = [0.2, 0.2, 0.2, 0.2, 0.2];
      graph.initializer[0]!.rawData = new Uint8Array();
    },
  ],
  [
    'numbers twice',
    /data of weights: expected either/,
    ({ graph }) => {
      graph.initializer[0]!.floatData = [1];
    },
  ],
  [
    'a vast dimension',
    /taps of the weights: expected 1 to 513, got 9007199254740992/,
    ({ graph }) => {
      graph.initializer[0]!.dims = [1n, 1n, 1n, 2n ** 53n];
    },
  ],
  [
    'a negative dimension',
    /taps of the weights: expected 1 to 513, got -1/,
    ({ graph }) => {
      graph.initializer[0]!.dims = [1n, 1n, 1n, -1n];
    },
  ],
  [
    'another input name',
    /graph input: expected x: FLOAT\["N","C","L"\]/,
    ({ graph }) => {
      graph.input[0]!.name = 'y';
    },
  ],
  [
    'another rank of input',
    /graph input/,
    ({ graph }) => {
      graph.input[0] = valueInfo('x', ['N', 'L']);
    },
  ],
  [
    'a fixed output',
    /graph output/,
    ({ graph }) => {
      graph.output[0] = valueInfo('trend', ['N', 'C', 1]);
    },
  ],
  ['a second input', /graph input/, ({ graph }) => graph.input.push(valueInfo('w', [1, 1, 1, taps]))],
  [
    'the wrong count of taps',
    /metadata firtrend\.taps: expected 5, as in the weights, got 4/,
    (m) => {
      for (const entry of m.metadataProps) if (entry.key === 'firtrend.taps') entry.value = '4';
    },
  ],
  [
    'metadata that is no JSON',
    /metadata firtrend\.seed: expected JSON, got "seven"/,
    (m) => {
      for (const entry of m.metadataProps) if (entry.key === 'firtrend.seed') entry.value = 'seven';
    },
  ],
  [
    'metadata of another type',
    /metadata firtrend\.rate: expected a valid value .*, got "\\"64\\""/,
    (m) => {
      for (const entry of m.metadataProps) if (entry.key === 'firtrend.rate') entry.value = '"64"';
    },
  ],
  [
    'metadata twice',
    /metadata: expected every firtrend key once/,
    (m) => m.metadataProps.push(m.metadataProps[0]!),
  ],
  [
    '20,000 operators',
    /fields: expected at most 10000/,
    ({ graph }) => {
      graph.node = Array.from({ length: 20_000 }, () => create(NodeProtoSchema, { opType: 'Conv' }));
    },
  ],
  [
    'a bomb of memory',
    /operators: .*\["ConstantOfShape"\]/,
    ({ graph }) => {
      graph.node = [node('ConstantOfShape', ['x'], 'trend')];
    },
  ],
  [
    'no inputs of a Squeeze but its own',
    /inputs of Squeeze: expected 2, got 1/,
    ({ graph }) => graph.node[2]!.input.pop(),
  ],
  [
    'axes of 16 bytes',
    /raw_data of axes of Unsqueeze: expected 8 bytes, got 16/,
    ({ graph }) => {
      graph.initializer[1]!.rawData = new Uint8Array(16);
    },
  ],
  [
    'floats for axes',
    /float_data of axes of Unsqueeze: expected none, got 1/,
    ({ graph }) => {
      graph.initializer[1]!.floatData = [1];
    },
  ],
  [
    'integers for weights',
    /int64_data of weights: expected none, got 1/,
    ({ graph }) => {
      graph.initializer[0]!.int64Data = [1n];
    },
  ],
];
