/**
 * From bytes to ONNX without trusting them. The wire format is walked first, with a list of the fields that a trend
 * model may have: what is not on it (subgraphs, functions, sparse or external data, training, quantization …) is refused
 * by its name before anything is decoded. The list has no cycle, so the walk and the decoder go at most seven deep.
 */
import { isUtf8 } from 'node:buffer';
import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { fromBinary, ScalarType } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { GraphProto, ModelProto } from 'onnx-buf';
import { ModelProtoSchema } from 'onnx-buf';
import { FirtrendError } from '../dsp/error.ts';
import { maxTaps } from '../dsp/kernel.ts';
import { maxChannels } from './metadata.ts';
import { must } from './must.ts';

/** Fields by message; a field on no list is refused. */
const allowedFields: Readonly<Record<string, readonly string[]>> = {
  'onnx.ModelProto': [
    'ir_version',
    'opset_import',
    'producer_name',
    'producer_version',
    'domain',
    'model_version',
    'doc_string',
    'graph',
    'metadata_props',
  ],
  'onnx.OperatorSetIdProto': ['domain', 'version'],
  'onnx.StringStringEntryProto': ['key', 'value'],
  'onnx.GraphProto': ['node', 'name', 'initializer', 'doc_string', 'input', 'output'],
  'onnx.NodeProto': ['input', 'output', 'name', 'op_type', 'domain', 'attribute', 'doc_string'],
  'onnx.AttributeProto': ['name', 'type', 'i', 's', 'ints'],
  'onnx.TensorProto': ['dims', 'data_type', 'float_data', 'int64_data', 'raw_data', 'name', 'doc_string'],
  'onnx.ValueInfoProto': ['name', 'type', 'doc_string'],
  'onnx.TypeProto': ['tensor_type'],
  'onnx.TypeProto.Tensor': ['elem_type', 'shape'],
  'onnx.TensorShapeProto': ['dim'],
  'onnx.TensorShapeProto.Dimension': ['dim_value', 'dim_param'],
};

/** In the whole file: our own have fewer than a hundred. */
const maxFields = 10_000;

/** In one packed list (bytes): its numbers become objects, many times larger. */
const maxPacked = { integers: 1024, floats: 4 * maxTaps * maxChannels } as const;

/**
 * The decoded model, which has none but the listed fields, each of its own wire type and no single one twice.
 * @throws FirtrendError `modelNotOnnx` where the bytes are no ONNX file or only a part of one, `modelRefused`
 */
export function boundedParse(bytes: Uint8Array): ModelProto & { readonly graph: GraphProto } {
  const walk: Walk = { bytes, reader: new BinaryReader(bytes), fields: 0 };
  try {
    walkMessage(walk, bytes.length, ModelProtoSchema);
    const model = fromBinary(ModelProtoSchema, bytes);
    const { graph } = model;
    if (graph === undefined) throw new RangeError('it has no graph');
    return { ...model, graph };
  } catch (cause) {
    if (cause instanceof FirtrendError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const where = `at byte ${Math.min(walk.reader.pos, bytes.length)} of ${bytes.length}`;
    throw new FirtrendError(
      'modelNotOnnx',
      `not an ONNX file, or not the whole of one (${where}: ${reason}); expected a model that \`firtrend train\` wrote`,
      { cause },
    );
  }
}

interface Walk {
  readonly bytes: Uint8Array;
  readonly reader: BinaryReader;
  /** How many have been met. */
  fields: number;
}

/** Walks the message that ends at `end`. Malformed bytes are a RangeError; a field that is not allowed is refused. */
function walkMessage(walk: Walk, end: number, message: DescMessage): void {
  const { reader } = walk;
  const seen = new Set<string>();
  while (reader.pos < end) {
    walk.fields++;
    must(walk.fields <= maxFields, 'fields', `at most ${maxFields}`, 'more');
    const [number, wireType] = reader.tag();
    const field = message.fields.find((candidate) => candidate.number === number);
    if (field === undefined || wireType === WireType.StartGroup || wireType === WireType.EndGroup) {
      throw new RangeError(`unknown field ${number} of ${message.name}`);
    }
    const name = `${message.name}.${field.name}`;
    const allowed = allowedFields[message.typeName]?.includes(field.name) === true;
    must(allowed, name, 'none in a trend model', 'one');
    if (field.fieldKind !== 'list') {
      const once = field.oneof?.name ?? field.name;
      must(!seen.has(once), name, 'at most one', 'two');
      seen.add(once);
    }
    walkValue(walk, end, field, wireType);
    if (reader.pos > end) throw new RangeError(`${name} is longer than what holds it`);
  }
}

function walkValue(walk: Walk, end: number, field: DescField, wireType: WireType): void {
  const { reader } = walk;
  const expected = expectedWireType(field);
  const packed = wireType === WireType.LengthDelimited && field.fieldKind === 'list';
  if (wireType !== expected && !packed) throw new RangeError(`${field.name} has wire type ${wireType}`);
  if (wireType !== WireType.LengthDelimited) {
    reader.skip(wireType);
    return;
  }
  const length = reader.uint32();
  const valueEnd = reader.pos + length;
  if (valueEnd > end) throw new RangeError(`${field.name} is cut short`);
  if (field.message !== undefined) {
    walkMessage(walk, valueEnd, field.message);
    return;
  }
  if (expected !== WireType.LengthDelimited) {
    const most = expected === WireType.Varint ? maxPacked.integers : maxPacked.floats;
    must(length <= most, field.name, `at most ${most} bytes`, length);
  }
  if (field.scalar === ScalarType.STRING) {
    must(isUtf8(walk.bytes.subarray(reader.pos, valueEnd)), field.name, 'UTF-8', 'other bytes');
  }
  reader.pos = valueEnd;
}

function expectedWireType(field: DescField): WireType {
  if (
    field.message !== undefined ||
    field.scalar === ScalarType.STRING ||
    field.scalar === ScalarType.BYTES
  ) {
    return WireType.LengthDelimited;
  }
  return field.scalar === ScalarType.FLOAT ? WireType.Bit32 : WireType.Varint;
}
