/** The few words of ONNX that firtrend speaks: constructors with names, so that graphs read as graphs. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import type { AttributeProto, NodeProto, TensorProto, ValueInfoProto } from 'onnx-buf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { float32Bytes } from './float32Bytes.ts';

export const opsetVersion = 17n;
export const irVersion = 8n;

/** A size (a number) or the name of an axis that may have any size. */
export type Dim = number | string;

/** A float32 input or output of the graph. */
export function valueInfo(name: string, shape: readonly Dim[]): ValueInfoProto {
  const dim = shape.map((d) =>
    typeof d === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(d) } }
      : { value: { case: 'dimParam' as const, value: d } },
  );
  const value = { elemType: TensorProto_DataType.FLOAT, shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } });
}

export function float32Tensor(name: string, dims: readonly number[], values: ArrayLike<number>): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: TensorProto_DataType.FLOAT,
    rawData: float32Bytes(values),
  });
}

/** A vector of one int64: how opset 13 and later name an axis. */
export function axisTensor(name: string, axis: number): TensorProto {
  return int64Tensor(name, [axis]);
}

/** A vector of int64: a shape or axes. */
export function int64Tensor(name: string, values: readonly number[]): TensorProto {
  const rawData = new Uint8Array(8 * values.length);
  const view = new DataView(rawData.buffer);
  for (const [i, value] of values.entries()) view.setBigInt64(8 * i, BigInt(value), true);
  const dims = [BigInt(values.length)];
  return create(TensorProtoSchema, { name, dims, dataType: TensorProto_DataType.INT64, rawData });
}

/** @param domain whose operator it is; ONNX's own by default */
export function node(
  opType: string,
  input: string[],
  output: string,
  attribute: AttributeProto[] = [],
  domain = '',
): NodeProto {
  return create(NodeProtoSchema, { opType, domain, name: opType, input, output: [output], attribute });
}

export function int(name: string, value: number): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
}

export function ints(name: string, values: readonly number[]): AttributeProto {
  const type = AttributeProto_AttributeType.INTS;
  return create(AttributeProtoSchema, { name, type, ints: values.map(BigInt) });
}

export function string(name: string, value: string): AttributeProto {
  const type = AttributeProto_AttributeType.STRING;
  return create(AttributeProtoSchema, { name, type, s: new TextEncoder().encode(value) });
}

/**
 * The bytes of a model with this graph; the same graph and metadata give the same bytes.
 *
 * @param domains what the graph uses besides ONNX's own operators, each in its version 1
 */
export function modelBytes(
  graph: MessageInitShape<typeof GraphProtoSchema>,
  metadata: ReadonlyMap<string, string> = new Map(),
  domains: readonly string[] = [],
): Uint8Array<ArrayBuffer> {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion,
      producerName: 'firtrend',
      opsetImport: [
        { domain: '', version: opsetVersion },
        ...domains.map((domain) => ({ domain, version: 1n })),
      ],
      graph,
      metadataProps: [...metadata]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => ({ key, value })),
    }),
  );
}
