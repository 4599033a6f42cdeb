import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pythonPath } from '../../../test/support/python.ts';
import type { Contender } from '../measure.ts';

const script = fileURLToPath(new URL('peers.py', import.meta.url));

/** SciPy and PyTorch in a process of their own that takes turns with us. */
export interface PythonPeers {
  /** The packages found and their versions. */
  readonly versions: Readonly<Record<string, string>>;
  /** Gives them their kernel and samples `[channel][K - 1 + rows]`. */
  prepare(taps: Float32Array, channels: number, x: Float32Array): Promise<Prepared>;
  stop(): void;
}

export interface Prepared {
  readonly contenders: readonly Contender[];
  /** Which form of each was the fastest. */
  readonly forms: Readonly<Record<string, string>>;
  /** `[channel][row]` of every form. */
  readonly results: ReadonlyMap<string, Float32Array>;
}

/** An interpreter with SciPy or PyTorch: FIRTREND_BENCH_PYTHON, the tests' own, python3. */
function interpreter(): string | undefined {
  const candidates = [process.env.FIRTREND_BENCH_PYTHON, pythonPath(), 'python3'];
  const test = 'import numpy, importlib.util as u; assert u.find_spec("scipy") or u.find_spec("torch")';
  return candidates.find((path) => path && spawnSync(path, ['-c', test]).status === 0);
}

/** Starts them, undefined where there is no Python with either. */
export async function startPython(): Promise<PythonPeers | undefined> {
  const python = interpreter();
  if (python === undefined) return undefined;
  const env = { ...process.env };
  // Meant for older builds of OpenBLAS; the one in NumPy knows its processor.
  delete env.OPENBLAS_CORETYPE;
  delete env.OPENBLAS_L2_SIZE;
  const child: ChildProcess = spawn(python, ['-W', 'ignore', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env,
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('bench: the Python peers ended; what they said is above');
    return JSON.parse(value) as Record<string, unknown>;
  };
  const ask = (message: object): Promise<Record<string, unknown>> => {
    child.stdin!.write(`${JSON.stringify(message)}\n`);
    return answer();
  };
  const { versions } = (await answer()) as { versions: Record<string, string> };
  return {
    versions,
    async prepare(taps, channels, x) {
      const each = new Float32Array(channels * taps.length);
      for (let c = 0; c < channels; c++) each.set(taps, c * taps.length);
      const told = await ask({
        taps: base64(each),
        x: base64(x),
        channels,
        taps_count: taps.length,
        rows: x.length / channels - taps.length + 1,
      });
      return {
        contenders: (told.contenders as string[]).map((name) => ({
          name,
          burst: async (count) => (await ask({ run: name, count })).ms as number,
        })),
        forms: told.forms as Record<string, string>,
        results: new Map(
          Object.entries(told.results as Record<string, string>).map(([name, text]) => [name, floats(text)]),
        ),
      };
    },
    stop() {
      child.stdin!.end();
      void once(child, 'exit');
    },
  };
}

function base64(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

function floats(text: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer);
}
