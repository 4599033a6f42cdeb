/** Reads the weights out of the two graphs that a trend model may be: the inverse of `encodeModel`. */
import { equals, isFieldSet, toJsonString } from '@bufbuild/protobuf';
import type { AttributeProto, GraphProto, TensorProto, ValueInfoProto } from 'onnx-buf';
import { AttributeProtoSchema, TensorProto_DataType, TensorProtoSchema } from 'onnx-buf';
import { type Kernel, maxTaps } from '../dsp/kernel.ts';
import { maxChannels } from './metadata.ts';
import { must } from './must.ts';
import { type Dim, int, ints, string, valueInfo } from './onnxGraph.ts';

/**
 * The kernels of a graph, once every part of it is found to be as `encodeModel` writes it.
 *
 * @param named how many channels the file names, if it does
 * @throws FirtrendError `modelRefused`
 */
export function kernelsOfGraph(graph: GraphProto, named: number | undefined): Kernel[] {
  const operators = graph.node.map(({ domain, opType }) => (domain === '' ? opType : `${domain}.${opType}`));
  const shared = same(operators, ['Unsqueeze', 'Conv', 'Squeeze']);
  must(
    shared || same(operators, ['Conv']),
    'operators',
    'Unsqueeze, Conv, Squeeze, or Conv alone',
    operators,
  );

  const tensors = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const names = [
    'x',
    ...graph.initializer.map(({ name }) => name),
    ...graph.node.flatMap(({ output }) => output),
  ];
  must(new Set(names).size === names.length && !names.includes(''), 'names', 'each once', names);
  const unused = new Set(tensors.keys());
  function initializer(name: string | undefined, of: string): TensorProto {
    const tensor = tensors.get(name ?? '');
    must(tensor !== undefined, `input of ${of}`, 'an initializer', name ?? 'none');
    unused.delete(tensor.name);
    return tensor;
  }

  let flow = 'x';
  let kernels: Kernel[] = [];
  for (const { opType, input, output, attribute } of graph.node) {
    must(input[0] === flow, `input of ${opType}`, flow, input[0] ?? 'none');
    must(output.length === 1, `outputs of ${opType}`, '1', output.length);
    flow = output[0]!;
    if (opType === 'Conv') {
      must(input.length === 2 || input.length === 3, 'inputs of Conv', '2, or 3 with a bias', input.length);
      const bias = input.length === 3 ? initializer(input[2], 'Conv') : undefined;
      kernels = kernelsOfConv(initializer(input[1], 'Conv'), bias, shared);
      checkConvAttributes(attribute, kernels, shared);
    } else {
      must(input.length === 2, `inputs of ${opType}`, '2', input.length);
      must(
        attribute.length === 0,
        `attributes of ${opType}`,
        'none',
        attribute.map(({ name }) => name),
      );
      checkAxis(initializer(input[1], opType), `axes of ${opType}`);
    }
  }
  must(flow === 'trend', 'output of the last operator', 'trend', flow);
  must(unused.size === 0, 'initializers', 'only those that are used', [...unused]);

  const c = shared ? 'C' : kernels.length;
  must(shared || named === c, 'metadata firtrend.channels', `${c} names, one for each kernel`, named);
  checkPort('graph input', graph.input, 'x', ['N', c, 'L']);
  checkPort('graph output', graph.output, 'trend', ['N', c, 'T']);
  return kernels;
}

function kernelsOfConv(weights: TensorProto, bias: TensorProto | undefined, shared: boolean): Kernel[] {
  const count = shared ? 1 : Number(weights.dims[0] ?? 0);
  const taps = Number(weights.dims.at(-1) ?? 0);
  must(count >= 1 && count <= maxChannels, 'channels of the weights', `1 to ${maxChannels}`, count);
  must(taps >= 1 && taps <= maxTaps, 'taps of the weights', `1 to ${maxTaps}`, taps);
  const values = floats(weights, 'weights', shared ? [1, 1, 1, taps] : [count, 1, taps]);
  const biases = bias === undefined ? undefined : floats(bias, 'bias', [count]);
  return Array.from({ length: count }, (_, i) => ({
    taps: values.subarray(i * taps, (i + 1) * taps).toReversed(),
    bias: biases?.[i] ?? 0,
  }));
}

/** The numbers of a float32 tensor of exactly these dimensions, from whichever of its two fields holds them. */
function floats(tensor: TensorProto, of: string, shape: readonly number[]): Float64Array {
  const { rawData, floatData, int64Data } = tensor;
  const size = shape.reduce((a, b) => a * b);
  checkTensor(tensor, of, TensorProto_DataType.FLOAT, shape);
  must(int64Data.length === 0, `int64_data of ${of}`, 'none', int64Data.length);
  if (!hasRawData(tensor)) {
    must(floatData.length === size, `float_data of ${of}`, `${size} numbers`, floatData.length);
    return Float64Array.from(floatData);
  }
  must(floatData.length === 0, `data of ${of}`, 'either raw_data or float_data', 'both');
  must(rawData.length === 4 * size, `raw_data of ${of}`, `${4 * size} bytes`, rawData.length);
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.length);
  return Float64Array.from({ length: size }, (_, i) => view.getFloat32(4 * i, true));
}

/** Whether raw_data is there at all: empty, it is still what other runtimes read. */
function hasRawData(tensor: TensorProto): boolean {
  return isFieldSet(tensor, TensorProtoSchema.field.rawData);
}

function checkAxis(tensor: TensorProto, of: string): void {
  const { rawData, floatData, int64Data } = tensor;
  checkTensor(tensor, of, TensorProto_DataType.INT64, [1]);
  must(floatData.length === 0, `float_data of ${of}`, 'none', floatData.length);
  const raw = hasRawData(tensor);
  must(!raw || rawData.length === 8, `raw_data of ${of}`, '8 bytes', rawData.length);
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.length);
  const values = [...(raw ? [view.getBigInt64(0, true)] : []), ...int64Data].map(Number);
  must(same(values, [1]), of, '[1]', values);
}

function checkTensor(
  { dims, dataType }: TensorProto,
  of: string,
  type: TensorProto_DataType,
  shape: readonly number[],
): void {
  must(dataType === type, `data type of ${of}`, `${type} (${TensorProto_DataType[type]})`, dataType);
  must(same(dims.map(Number), shape), `dimensions of ${of}`, JSON.stringify(shape), dims.map(Number));
}

function checkConvAttributes(
  attributes: readonly AttributeProto[],
  kernels: readonly Kernel[],
  shared: boolean,
): void {
  const taps = kernels[0]!.taps.length;
  const axes = shared ? 2 : 1;
  const expected = new Map(
    [
      ints('kernel_shape', shared ? [1, taps] : [taps]),
      int('group', kernels.length),
      ints('dilations', Array<number>(axes).fill(1)),
      ints('strides', Array<number>(axes).fill(1)),
      ints('pads', Array<number>(2 * axes).fill(0)),
      string('auto_pad', 'NOTSET'),
    ].map((attribute) => [attribute.name, attribute]),
  );
  const names = attributes.map(({ name }) => name);
  must(new Set(names).size === names.length, 'attributes of Conv', 'each once', names);
  must(names.includes('kernel_shape'), 'attributes of Conv', 'kernel_shape among them', names);
  must(kernels.length === 1 || names.includes('group'), 'attributes of Conv', 'group among them', names);
  for (const attribute of attributes) {
    const known = expected.get(attribute.name);
    must(known !== undefined, 'attribute of Conv', [...expected.keys()].join(', '), attribute.name);
    const fits = equals(AttributeProtoSchema, attribute, known);
    must(fits, `${known.name} of Conv`, text(known), text(attribute));
  }
}

function text(attribute: AttributeProto): string {
  return toJsonString(AttributeProtoSchema, attribute);
}

function checkPort(
  check: string,
  ports: readonly ValueInfoProto[],
  name: string,
  shape: readonly Dim[],
): void {
  const expected = described(valueInfo(name, shape));
  const got = ports.map(described);
  must(same(got, [expected]), check, expected, got.join(', '));
}

/** Such as `x: FLOAT["N",9,"L"]`: name, element type and shape. */
function described(info: ValueInfoProto): string {
  const tensor = info.type?.value.case === 'tensorType' ? info.type.value.value : undefined;
  const dims = tensor?.shape?.dim.map(({ value }) =>
    value.case === 'dimValue' ? Number(value.value) : value.value,
  );
  return `${info.name}: ${TensorProto_DataType[tensor?.elemType ?? 0]}${JSON.stringify(dims)}`;
}

function same<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
