/** The grid of trainings that prove their kernels: each certified, as good as SciPy's optimum, and nearly so before the polish. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { normalised } from '../../../src/dsp/kernel.ts';
import { encodeModel } from '../../../src/model/encodeModel.ts';
import { trendModel } from '../../../src/model/trendModel.ts';
import { readRecording } from '../../../src/train/readRecording.ts';
import { type TrainResult, trainKernel } from '../../../src/train/train.ts';
import { lagOf } from '../../../src/train/vertices.ts';
import { recomputed } from './recompute.ts';

export const recordings = ['cycling', 'gait-accelerometer', 'seattle-weather'] as const;
export const lengths = [33, 129, 257] as const;
export const targets = ['forecast:1', 'forecast:8', 'smooth:32'] as const;

export interface Setting {
  readonly recording: string;
  readonly taps: number;
  readonly target: string;
  readonly family: string;
  readonly perChannel: boolean;
}

/** One training of the grid. */
export interface Proof extends Setting {
  /** The largest lag allowed, samples; null for none. */
  readonly maxLag: number | null;
  readonly lag: number;
  readonly loss: number;
  /** The largest certificate of its kernels, relative to the loss. */
  readonly certificate: number;
  /** The same from the ONNX file and the CSV by Python, and how far the two gaps differ, relative to the loss. */
  readonly certificateInPython: number;
  readonly certificatesDiffer: number;
  /** |loss / SciPy's - 1| of the model, or of the worst of its kernels. */
  readonly fromOptimum: number;
  /** How far TensorFlow alone, without the polish, ended above the polished loss; relative. */
  readonly unpolished: number;
}

/** The CSV file of a recording that ships. */
export function csvOf(recording: string): string {
  return fileURLToPath(new URL(`../../../recordings/${recording}.csv`, import.meta.url));
}

/** The model file of a training, as the command would write it but for where it comes from. */
export function modelBytes({ kernels, channels, rate, family, target }: TrainResult): Uint8Array {
  return encodeModel(
    trendModel({
      kernels: kernels.map(({ taps, bias }) => ({ taps: Float64Array.from(taps), bias })),
      channels: kernels[0].channel === null ? null : channels,
      rate,
      metadata: { family, target },
    }),
  );
}

/**
 * Trains with each setting, then once more with half of the smallest lag that a kernel had, so that the limit binds each
 * kernel; where all kernels are the newest sample alone, there is no lag to limit.
 */
export async function prove(
  python: string,
  settings: readonly Setting[],
  onTrained: () => void = () => {},
): Promise<Proof[]> {
  const folder = await mkdtemp(join(tmpdir(), 'firtrend-proof-'));
  try {
    const trained = [];
    for (const setting of settings) {
      const { recording, ...options } = setting;
      const data = await readRecording(csvOf(recording));
      let maxLag: number | null = null;
      do {
        const result: TrainResult = await trainKernel([data], {
          ...options,
          ...(maxLag !== null && { maxLag: String(maxLag) }),
        });
        const model = join(folder, `${trained.length}.onnx`);
        await writeFile(model, modelBytes(result));
        trained.push({ setting, maxLag, result, model });
        maxLag = maxLag === null ? halfTheSmallestLag(result) : null;
      } while (maxLag !== null);
      onTrained();
    }
    const findings = await recomputed(
      python,
      trained.map(({ setting, maxLag, model }) => ({
        model,
        csv: csvOf(setting.recording),
        holdout: 0.2,
        optimum: true,
        ...(maxLag !== null && { maxLag }),
      })),
    );
    return trained.map(({ setting, maxLag, result }, i) => {
      const found = findings[i]!;
      const { kernels, loss } = result;
      return {
        ...setting,
        maxLag,
        lag: result.guarantees.lag,
        loss: loss.train.learned,
        certificate: Math.max(...kernels.map(({ certificate }) => certificate.relative ?? 0)),
        certificateInPython: found.relative,
        certificatesDiffer: Math.abs(found.gap - result.certificate.gap) / found.loss,
        fromOptimum: Math.max(
          Math.abs(loss.train.learned / found.optimum! - 1),
          ...found.kernels.map((own) => Math.abs(own.loss / own.optimum! - 1)),
        ),
        unpolished: result.fit.trajectory.at(-1)! / loss.train.learned - 1,
      };
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

function halfTheSmallestLag({ kernels }: TrainResult): number | null {
  const lags = kernels.map(({ taps }) => lagOf(normalised(taps))).filter((lag) => lag > 1e-3);
  return lags.length === 0 ? null : Math.min(...lags) / 2;
}
