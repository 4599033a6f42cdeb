/** Bytes that are no ONNX, or no more: refused in bounded time, or read as another reader reads them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { float32Bytes } from '../../src/model/float32Bytes.ts';
import { readModel } from '../../src/model/gate.ts';
import type { TrendModel } from '../../src/model/trendModel.ts';
import { pythonPath, whyNoPython } from '../support/python.ts';
import { everything, perChannelFile, refusal, samples, sharedFile } from './modelFiles.ts';
import { inPython } from './python.ts';

/** A field with a length, as protobuf writes it. */
function wire(field: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = [(field << 3) | 2];
  for (let rest = content.length; ; rest >>>= 7) {
    head.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Uint8Array.from([...head, ...content]);
}

test('bytes that no encoder writes are refused before they are decoded', () => {
  const varints = new Uint8Array(2 ** 20).fill(1);
  let deep: Uint8Array = new Uint8Array();
  // ModelProto.graph of GraphProto.node of NodeProto.attribute of AttributeProto.g, and again.
  for (let i = 0; i < 3000; i++) deep = wire([1, 5, 6][i % 3]!, deep);
  const cases: [string, Uint8Array, string, RegExp][] = [
    ['deep', wire(7, wire(1, wire(5, wire(6, deep)))), 'modelRefused', /AttributeProto\.g: expected none/],
    [
      'two graphs',
      Buffer.concat([sharedFile, wire(7, new Uint8Array())]),
      'modelRefused',
      /ModelProto\.graph: expected at most one/,
    ],
    [
      'a million dimensions',
      wire(7, wire(5, wire(1, varints))),
      'modelRefused',
      /dims: expected at most 1024 bytes/,
    ],
    ['overlong length', Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f), 'modelNotOnnx', /cut short/],
    ['a group', Uint8Array.of(0x3b, 0x3c), 'modelNotOnnx', /unknown field 7/],
    ['an unknown field', wire(15, new Uint8Array()), 'modelNotOnnx', /unknown field 15/],
    ['another wire type', Uint8Array.of(0x0d, 0, 0, 0, 0), 'modelNotOnnx', /ir_version has wire type 5/],
    ['broken UTF-8', wire(2, Uint8Array.of(0xff)), 'modelRefused', /producer_name: expected UTF-8/],
    ['an endless number', new Uint8Array(100).fill(0xff).fill(8, 0, 1), 'modelNotOnnx', /EOF|varint/],
  ];
  for (const [name, bytes, code, message] of cases) {
    expect(() => readModel(bytes, 'h', everything), name).toThrow(refusal(code, message));
  }
});

test('what is no ONNX file is told in one sentence', () => {
  const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
  const files = [
    '',
    '{"taps": [0.5, 0.5]}',
    'time,x,y,z\n0,1,2,3\n',
    '<html></html>',
    png,
    Buffer.alloc(64),
    'PK\u0003\u0004',
  ];
  for (const file of files) {
    expect(() => readModel(Buffer.from(file), 'gait.csv'), String(file)).toThrow(
      refusal(
        'modelNotOnnx',
        /^model gait\.csv: not an ONNX file, or not the whole of one .* `firtrend train` wrote$/,
      ),
    );
  }
});

test('a file cut at any byte is refused', () => {
  for (const file of [sharedFile, perChannelFile]) {
    for (let length = 0; length < file.length; length++) {
      // Metadata comes last in the file and may be absent: only a cut between two entries leaves a whole model.
      const cut = file.subarray(0, length);
      let model: ReturnType<typeof readModel> | undefined;
      try {
        model = readModel(cut, 'cut', everything);
      } catch (error) {
        expect(error).toMatchObject({
          name: 'FirtrendError',
          code: expect.stringMatching(/^model(NotOnnx|Refused)$/),
        });
      }
      if (model !== undefined) expect(model.sha256).toBe(readModel(file, 'whole', everything).sha256);
    }
  }
});

/** Numbers in [0, 1) from a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The file with one to three bytes flipped in one bit, replaced, removed, doubled or moved. */
function mutant(file: Uint8Array, next: () => number): Uint8Array {
  let bytes = [...file];
  for (let edits = 1 + Math.floor(3 * next()); edits > 0; edits--) {
    const at = Math.floor(bytes.length * next());
    const byte = Math.floor(256 * next());
    const edit = Math.floor(5 * next());
    if (edit === 0) bytes[at] = bytes[at]! ^ (1 << (byte & 7));
    else if (edit === 1) bytes[at] = byte;
    else if (edit === 2) bytes.splice(at, 1);
    else if (edit === 3) bytes.splice(at, 0, bytes[at]!);
    else bytes = [...bytes.slice(0, at), ...bytes.slice(at + 1), bytes[at]!];
  }
  return Uint8Array.from(bytes);
}

interface Accepted {
  readonly bytes: Uint8Array;
  readonly model: TrendModel;
}

/** What the gate accepts of `count` mutants, the slowest answer (ms); it refuses the others by a FirtrendError. */
function judge(seed: number, count: number): { accepted: Accepted[]; slowest: number } {
  const next = random(seed);
  const files = Object.values(samples).map(encodeModel);
  const accepted: Accepted[] = [];
  let slowest = 0;
  for (let i = 0; i < count; i++) {
    const bytes = mutant(files[i % files.length]!, next);
    const start = performance.now();
    try {
      accepted.push({ bytes, model: readModel(bytes, 'mutant', everything) });
    } catch (error) {
      expect(error, `seed ${seed}, mutant ${i}`).toMatchObject({
        name: 'FirtrendError',
        code: expect.stringMatching(/^model(NotOnnx|Refused)$/),
      });
    }
    slowest = Math.max(slowest, performance.now() - start);
  }
  return { accepted, slowest };
}

const seed = Date.now() & 0xffff;

test(`2,000 mutants are refused by a FirtrendError, or have valid taps (seed ${seed})`, () => {
  const { accepted, slowest } = judge(seed, 2000);
  expect(slowest).toBeLessThan(500);
  expect(accepted.length).toBeGreaterThan(20);
  for (const { taps } of accepted.flatMap(({ model }) => model.kernels)) {
    expect(taps.every((w) => w >= 2 ** -60)).toBe(true);
    expect(Math.abs(taps.reduce((a, b) => a + b) - 1)).toBeLessThanOrEqual(2 ** -20);
  }
});

const python = pythonPath();
const skipped = python === undefined ? ` [skipped: ${whyNoPython()}]` : '';

test.skipIf(python === undefined)(
  `of accepted mutants Python reads the same taps (seed ${seed})${skipped}`,
  async () => {
    const { accepted } = judge(seed, 2000);
    const dir = await mkdtemp(join(tmpdir(), 'firtrend-mutants-'));
    try {
      const paths = accepted.map((_, i) => join(dir, `${i}.onnx`));
      await Promise.all(paths.map((path, i) => writeFile(path, accepted[i]!.bytes)));
      for (const [i, report] of (await inPython(python!, 'read', paths)).entries()) {
        const { kernels } = accepted[i]!.model;
        const taps = Buffer.concat(kernels.map((kernel) => float32Bytes(kernel.taps))).toString('hex');
        const bias = Buffer.from(float32Bytes(kernels.map((kernel) => kernel.bias))).toString('hex');
        expect(report).toEqual({ taps, bias });
      }
    } finally {
      await rm(dir, { recursive: true });
    }
  },
);
