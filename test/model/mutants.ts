/** A generator of mutated model files, at three levels: bytes, protobuf fields, and the graph. */
import { clearField, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type ModelProto, ModelProtoSchema, TensorProtoSchema } from 'onnx-buf';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { float32Tensor } from '../../src/model/onnxGraph.ts';
import { integer, randomFrom } from '../filter/support.ts';
import { hostileChanges } from './hostileChanges.ts';
import type { Change } from './modelFiles.ts';
import { sampleModels } from './samples.ts';

type Random = () => number;

export interface Mutant {
  readonly level: (typeof levels)[number]['name'];
  readonly bytes: Uint8Array;
}

/** Mutants without end, the same for the same seed. */
export function* mutants(seed: number): Generator<Mutant> {
  const random = randomFrom(seed);
  const files = [1, 5, 33].flatMap((taps) => Object.values(sampleModels(taps)).map(encodeModel));
  for (;;) {
    const file = pick(random, files);
    const { name, mutate } = pick(random, levels);
    yield { level: name, bytes: mutate(file, random) };
  }
}

const levels = [
  { name: 'bytes', mutate: mutatedBytes },
  { name: 'fields', mutate: mutatedFields },
  { name: 'graph', mutate: mutatedGraph },
] as const;

function pick<T>(random: Random, all: readonly T[]): T {
  return all[integer(random, 0, all.length - 1)]!;
}

/** One to three bytes flipped in one bit, replaced, removed, doubled or moved. */
function mutatedBytes(file: Uint8Array, random: Random): Uint8Array {
  let bytes = [...file];
  for (let edits = integer(random, 1, 3); edits > 0; edits--) {
    const at = integer(random, 0, bytes.length - 1);
    const byte = integer(random, 0, 255);
    const edit = integer(random, 0, 4);
    if (edit === 0) bytes[at] = bytes[at]! ^ (1 << (byte & 7));
    else if (edit === 1) bytes[at] = byte;
    else if (edit === 2) bytes.splice(at, 1);
    else if (edit === 3) bytes.splice(at, 0, bytes[at]!);
    else bytes = [...bytes.slice(0, at), ...bytes.slice(at + 1), bytes[at]!];
  }
  return Uint8Array.from(bytes);
}

/** A field as it lies in the file: a message's fields, a number, or plain bytes. */
interface Field {
  number: number;
  wireType: WireType;
  value: Field[] | bigint | Uint8Array;
}

function fieldsOf(bytes: Uint8Array, message: DescMessage): Field[] {
  const reader = new BinaryReader(bytes);
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const inner = message.fields.find((field) => field.number === number)?.message;
    if (wireType === WireType.LengthDelimited) {
      const content = reader.bytes();
      fields.push({ number, wireType, value: inner ? fieldsOf(content, inner) : content });
    } else if (wireType === WireType.Varint) {
      fields.push({ number, wireType, value: BigInt(reader.uint64()) });
    } else {
      const start = reader.pos;
      reader.skip(wireType);
      fields.push({ number, wireType, value: bytes.slice(start, reader.pos) });
    }
  }
  return fields;
}

function bytesOf(fields: readonly Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const { number, wireType, value } of fields) {
    writer.tag(number, wireType);
    if (typeof value === 'bigint') writer.uint64(value);
    else if (Array.isArray(value)) writer.bytes(bytesOf(value));
    else if (wireType === WireType.LengthDelimited) writer.bytes(value);
    else writer.raw(value);
  }
  return writer.finish();
}

const extremes = [
  0n,
  1n,
  2n,
  127n,
  2n ** 31n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** One or two fields dropped, doubled, moved, renumbered, nested in themselves, filled with another or with extremes. */
function mutatedFields(file: Uint8Array, random: Random): Uint8Array {
  const whole = fieldsOf(file, ModelProtoSchema);
  for (let edits = integer(random, 1, 2); edits > 0; edits--) {
    const messages = [whole];
    for (const message of messages) {
      for (const { value } of message) if (Array.isArray(value) && value.length > 0) messages.push(value);
    }
    const message = pick(random, messages);
    const at = integer(random, 0, message.length - 1);
    const field = message[at]!;
    const other = pick(random, pick(random, messages));
    const edit = integer(random, 0, 7);
    if (edit === 0) message.splice(at, 1);
    else if (edit === 1) message.splice(integer(random, 0, message.length), 0, field);
    else if (edit === 2) message.push(...message.splice(at, 1));
    else if (edit === 3) message[at] = { ...field, number: integer(random, 1, 30) };
    else if (edit === 4) message[at] = { ...field, wireType: 2, value: [field] };
    else if (edit === 5) message.splice(at, 0, structuredClone(other));
    else if (edit === 6) message[at] = { ...field, wireType: WireType.Varint, value: pick(random, extremes) };
    else if (typeof field.value === 'bigint') message[at] = { ...field, value: pick(random, extremes) };
    else if (!Array.isArray(field.value)) message[at] = { ...field, value: mutatedText(field.value, random) };
    if (message.length === 0) break;
  }
  return bytesOf(whole);
}

function mutatedText(text: Uint8Array, random: Random): Uint8Array {
  const length = integer(random, 0, 2 * text.length);
  return Uint8Array.from({ length }, (_, i) => text[i] ?? integer(random, 0, 127));
}

/** Changes that leave a valid model, or make one that is nearly valid: most of them to the weights. */
const mild: readonly ((model: Parameters<Change>[0], random: Random) => void)[] = [
  ({ graph }, random) => {
    graph.docString = 'a note';
    graph.name = `graph ${random()}`;
  },
  ({ metadataProps }, random) => {
    metadataProps.splice(integer(random, 0, metadataProps.length - 1), 1);
  },
  ({ graph }) => {
    for (const node of graph.node) node.name = '';
  },
  (model, random) => weights(model, (w) => w * (1 + 2 ** -integer(random, 8, 24))),
  (model, random) => weights(model, (w, i) => (i === 0 ? w * 2 ** -integer(random, 1, 140) : w)),
  (model, random) => weights(model, () => random()),
  (model, random) => weights(model, (w) => (random() < 0.1 ? pick(random, [NaN, Infinity, -w, -0, 0]) : w)),
  (model, random) => {
    // The same sum in another order, so allowed where the order does not matter.
    const [tensor] = model.graph.initializer;
    const numbers = numbersOf(tensor!.rawData);
    const turn = integer(random, 0, numbers.length - 1);
    weights(model, (_, i) => numbers[(i + turn) % numbers.length]!);
  },
  (model) => {
    const [tensor] = model.graph.initializer;
    tensor!.floatData = numbersOf(tensor!.rawData);
    clearField(tensor!, TensorProtoSchema.field.rawData);
  },
];

function mutatedGraph(file: Uint8Array, random: Random): Uint8Array {
  const model = fromBinary(ModelProtoSchema, file) as ModelProto & Parameters<Change>[0];
  for (let edits = integer(random, 1, 2); edits > 0; edits--) {
    try {
      if (random() < 0.7) pick(random, mild)(model, random);
      else pick(random, hostileChanges)[2](model);
    } catch (error) {
      // A change for the shared model may find no such node here.
      if (!(error instanceof TypeError)) throw error;
    }
  }
  return toBinary(ModelProtoSchema, model);
}

function weights({ graph }: Parameters<Change>[0], change: (w: number, i: number) => number): void {
  const [tensor] = graph.initializer;
  if (!tensor || tensor.rawData.length === 0) return;
  graph.initializer[0] = float32Tensor(
    tensor.name,
    tensor.dims.map(Number),
    numbersOf(tensor.rawData).map(change),
  );
}

function numbersOf(rawData: Uint8Array): number[] {
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.length);
  return Array.from({ length: rawData.length >> 2 }, (_, i) => view.getFloat32(4 * i, true));
}
