import { execFile } from 'node:child_process';
import { encodePlan, laneBlock, planInputShape } from '../model/encodePlan.ts';
import { onnxruntimePath, sessionOptions, withoutTelemetry } from './onnxruntime.ts';

/** A program and its arguments. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

/**
 * Opens a CUDA session and runs one call of it; what fails is the process's exit and its standard error. With the
 * options and the kind of model that the filter itself uses.
 */
export function cudaProbeCommand(): Command {
  const model = encodePlan({
    lanes: Array.from({ length: laneBlock }, () => Float32Array.of(1)),
    form: 'portable',
  });
  const shape = JSON.stringify(planInputShape('portable', 1, laneBlock, 1));
  const program = `
    const [path, model, options] = process.argv.slice(1);
    const { InferenceSession, Tensor } = require(path);
    InferenceSession.create(Buffer.from(model, 'base64'), JSON.parse(options))
      .then((session) => session.run({ x: new Tensor('float32', new Float32Array(${laneBlock}), ${shape}) }))
      .then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });`;
  const options = JSON.stringify(sessionOptions('cuda'));
  return {
    file: process.execPath,
    args: ['-e', program, onnxruntimePath(), Buffer.from(model).toString('base64'), options],
  };
}

const patience = 60_000;

/**
 * Whether CUDA works here, found out in a child process, since a broken installation can end the process that loads it.
 *
 * @returns undefined where it works, else one sentence that says what is missing
 */
export function probeCuda(
  command: Command = cudaProbeCommand(),
  timeout = patience,
): Promise<string | undefined> {
  const env = { ...process.env, ...withoutTelemetry, NVIDIA_TF32_OVERRIDE: '0' };
  return new Promise((resolve) => {
    execFile(
      command.file,
      [...command.args],
      { env, timeout, killSignal: 'SIGKILL' },
      (error, _out, said) => {
        if (!error) resolve(undefined);
        else if (error.killed) resolve(`The CUDA probe gave no answer in ${timeout / 1000} s.`);
        else if (error.signal) resolve(`The CUDA probe crashed with ${error.signal}.`);
        else if (typeof error.code === 'string')
          resolve(`The CUDA probe could not be started: ${error.message}.`);
        else resolve(diagnosis(said));
      },
    );
  });
}

/** What the runtime says and what it means. The order matters: the last two match much of what the others do. */
const symptoms: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [
    /libcuda\.so|driver version is insufficient|no CUDA-capable device|CUDA failure (?:35|100)\b/i,
    (match) => `There is no working NVIDIA driver or GPU here (${match[0]}).`,
  ],
  [
    /(lib(?!onnxruntime)[\w.+-]+\.so[\d.]*): cannot open shared object/,
    (match) => `A library that CUDA needs is missing: ${match[1]}.`,
  ],
  [
    /libonnxruntime_providers_|Failed to load shared library/,
    () => 'The CUDA library of onnxruntime-node is not installed: run `node scripts/setup.mjs --cuda`.',
  ],
];

function diagnosis(said: string): string {
  for (const [pattern, sentence] of symptoms) {
    const match = pattern.exec(said);
    if (match) return sentence(match);
  }
  return `CUDA could not be started: ${said.trim().split('\n').at(-1) || 'no reason was given'}`;
}
