import { beforeAll, describe, expect, test } from 'vitest';
import { normalised } from '../../../src/dsp/kernel.ts';
import { type Backend, loadBackend } from '../../../src/train/backend.ts';
import { compare } from '../../../src/train/compare.ts';
import { evaluate } from '../../../src/train/evaluate.ts';
import type { GradientFunction } from '../../../src/train/fit.ts';
import { parseLoss } from '../../../src/train/losses/parseLoss.ts';
import { scalesOf } from '../../../src/train/losses/scales.ts';
import { splitWindows } from '../../../src/train/split.ts';
import { type TrainOptions, type TrainResult, trainKernel } from '../../../src/train/train.ts';
import { fitBatches } from '../../../src/train/windowed/fitBatches.ts';
import { hullClass, newton } from '../../../src/train/windowed/newton.ts';
import { errorsOf, settled, type WindowLoss, windowLoss } from '../../../src/train/windowed/windowLoss.ts';
import { noisyWalk, normal, recordingOf, uniform } from '../support.ts';

const taps = 17;
const losses = ['huber:0.5', 'quantile:0.8'];

/** A walk in noise with a spike now and then. */
function spiky(samples: number, seed: number): Float64Array {
  const [random, noise] = [uniform(seed), normal(seed + 1)];
  return noisyWalk(samples, 0.05, seed).map((v) => v + (random() < 0.03 ? 20 * noise() : 0));
}

let backend: Backend;
beforeAll(async () => {
  backend = await loadBackend();
});

function lossOf(name: string, bias: boolean): WindowLoss {
  const error = parseLoss(name);
  const { train } = splitWindows(
    [recordingOf(spiky(3000, 1), spiky(3000, 9))],
    { kind: 'smooth', period: 8 },
    taps,
    0,
  );
  return windowLoss(error, bias, train, scalesOf(error, train, 'newest'));
}

describe.each(losses)('%s on minibatches', (name) => {
  const loss = lossOf(name, true);
  const at = (w: Float64Array) => settled(loss, errorsOf(loss, w), 0).loss;

  test.each(['ramp', 'boxcars', 'cumulative', 'simplex'] as const)(
    '%s: TensorFlow alone comes within 1 % of the best, the loss never rising from pass to pass',
    async (family) => {
      const { taps: fitted, trajectory, steps } = await fitBatches(backend, family, loss, taps);
      trajectory.slice(1).forEach((value, i) => {
        expect(value).toBeLessThanOrEqual(trajectory[i]!);
      });
      expect(trajectory.at(-1)).toBeCloseTo(at(fitted), 12);
      expect(steps).toBeGreaterThan(trajectory.length);
      if (family === 'ramp') return;
      const best = at(newton(loss, fitted, hullClass(family, taps, Infinity)));
      expect(trajectory[0]! / best - 1).toBeGreaterThan(0.05);
      expect(trajectory.at(-1)! / best - 1).toBeLessThan(0.01);
    },
  );

  test('the same seed draws the same batches, another one others', async () => {
    const drawn = (seed: number) => fitBatches(backend, 'boxcars', loss, taps, { seed, steps: 60 });
    const [one, again, other] = [await drawn(1), await drawn(1), await drawn(2)];
    expect(again).toEqual(one);
    expect(other.taps).not.toEqual(one.taps);
  });

  test.each([
    ['zero', (g: Float32Array) => g.map(() => 0)],
    ['negated', (g: Float32Array) => g.map((v) => -v)],
  ] as const)('with a gradient that is %s the loss does not fall', async (_name, change) => {
    const gradient: GradientFunction = (tf, lossFunction, parameters) => {
      const { value, grads } = tf.variableGrads(lossFunction, [parameters]);
      return { value, gradient: tf.tensor1d(change(grads[parameters.name]!.dataSync() as Float32Array)) };
    };
    const { trajectory } = await fitBatches(backend, 'boxcars', loss, taps, { gradient, steps: 200 });
    expect(trajectory.at(-1)! / trajectory[0]!).toBeGreaterThan(0.999);
  });

  test('a signal ends it, and no tensor is left behind', async () => {
    const before = backend.tf.memory().numTensors;
    const controller = new AbortController();
    const fitting = fitBatches(backend, 'simplex', loss, taps, {
      signal: controller.signal,
      onProgress: ({ step, steps, loss: value, gap }) => {
        expect(step).toBeLessThanOrEqual(steps);
        expect(value).toBeGreaterThan(0);
        expect(gap).toBeGreaterThan(0);
        controller.abort(new Error('enough'));
      },
    });
    await expect(fitting).rejects.toThrow('enough');
    expect(backend.tf.memory().numTensors).toBe(before);
  });

  test('grown from 5 taps it still comes within 5 % of the best', async () => {
    const { taps: fitted } = await fitBatches(backend, 'boxcars', loss, taps, { lengths: [5] });
    expect(at(fitted) / at(newton(loss, fitted, hullClass('boxcars', taps, Infinity))) - 1).toBeLessThan(
      0.05,
    );
  });
});

test('without its native library, in JavaScript, the same loss to 1 %', async () => {
  const fallback = await loadBackend(() => {
    throw new Error('no addon');
  });
  const loss = lossOf('huber:0.5', false);
  const [one, other] = [
    await fitBatches(backend, 'boxcars', loss, taps),
    await fitBatches(fallback, 'boxcars', loss, taps),
  ];
  expect(other.trajectory.at(-1)! / one.trajectory.at(-1)!).toBeCloseTo(1, 2);
});

/** The formulas of README, one error at a time. */
const formula: Record<string, (e: number) => number> = {
  'huber:0.5': (e) => (Math.abs(e) <= 0.5 ? (e * e) / 2 : 0.5 * (Math.abs(e) - 0.25)),
  'quantile:0.8': (e) => (e >= 0 ? 0.2 * e : -0.8 * e),
};

/** Mean of f over the windows of a channel, cut out one by one from what the test itself put there. */
function judged(
  parts: readonly { x: Float64Array; y: Float64Array; from: number; to: number }[],
  w: ArrayLike<number>,
  bias: number,
  f: (e: number) => number,
): number {
  let [sum, windows] = [0, 0];
  for (const { x, y, from, to } of parts) {
    for (let n = Math.max(from, w.length - 1); n < to; n++) {
      let trend = bias;
      for (let j = 0; j < w.length; j++) trend += w[j]! * x[n - j]!;
      if (Number.isNaN(trend + y[n]!) || x.subarray(n - w.length + 1, n + 1).some(Number.isNaN)) continue;
      sum += f(trend - y[n]!);
      windows++;
    }
  }
  return sum / windows;
}

describe.each(losses)('%s, several recordings with missing cells', (loss) => {
  const f = formula[loss]!;
  const holed = (x: Float64Array, every: number) => x.map((v, n) => (n % every === 3 ? Number.NaN : v));
  const inputs = [
    [holed(spiky(1500, 1), 61), spiky(1500, 2).map((v) => 1000 * v)],
    [holed(spiky(900, 3), 83), spiky(900, 4).map((v) => 1000 * v)],
  ];
  const recordings = inputs.map((channels) => recordingOf(...channels));
  const options: TrainOptions = { loss, target: 'forecast:2', taps: 9, bias: true };
  let result: TrainResult;
  beforeAll(async () => {
    result = await trainKernel(recordings, options);
  });
  const parts = (c: number, heldOut: boolean) =>
    inputs.map((channels) => {
      const x = channels[c]!;
      const cut = Math.floor(0.8 * x.length);
      const [from, to] = heldOut ? [cut, x.length - 2] : [0, cut - 2];
      return { x, y: x.map((_, n) => x[n + 2] ?? Number.NaN), from, to };
    });

  test('losses by channel, of the newest sample and in the mean, are those of windows one by one', () => {
    const newest = [1, 0, 0, 0, 0, 0, 0, 0, 0];
    [0, 1].forEach((c) => {
      const unit = Math.sqrt(judged(parts(c, false), newest, 0, (e) => e * e));
      const own = (heldOut: boolean, w: ArrayLike<number>, bias: number) =>
        judged(parts(c, heldOut), w, bias, (e) => f(e / unit));
      const divisor = own(false, newest, 0);
      const { taps: stored, bias } = result.kernels[c]!;
      const w = normalised(stored);
      const { train, heldOut } = result.channelLosses[c]!;
      expect(train).toBeCloseTo(own(false, w, bias) / divisor, 9);
      expect(heldOut).toBeCloseTo(own(true, w, bias) / divisor, 9);
      // No other bias is better.
      for (const step of [-1e-2, 1e-2]) {
        expect(own(false, w, bias + step * unit) / divisor).toBeGreaterThan(train! - 1e-9);
      }
    });
    const mean = (part: 'train' | 'heldOut') =>
      result.channelLosses.reduce((sum, channel) => sum + channel[part]! / 2, 0);
    expect(result.loss.train.learned).toBeCloseTo(mean('train'), 9);
    expect(result.loss.heldOut!.learned).toBeCloseTo(mean('heldOut'), 9);
    expect(result.loss.train.newest).toBeCloseTo(1, 12);
  });

  test('the averages are the best of their kind, on the same windows', () => {
    const best = (w: ArrayLike<number>) => {
      let total = 0;
      [0, 1].forEach((c) => {
        const newest = [1, 0, 0, 0, 0, 0, 0, 0, 0];
        const unit = Math.sqrt(judged(parts(c, false), newest, 0, (e) => e * e));
        const divisor = judged(parts(c, false), newest, 0, (e) => f(e / unit));
        const value = (bias: number) => judged(parts(c, false), w, bias * unit, (e) => f(e / unit)) / divisor;
        let [bias, lowest] = [0, value(0)];
        for (let step = 1; step > 1e-5; step /= 2) {
          for (const at of [bias - step, bias + step])
            if (value(at) < lowest) [bias, lowest] = [at, value(at)];
        }
        total += lowest / 2;
      });
      return total;
    };
    const averages = Array.from({ length: 9 }, (_, m) =>
      Float64Array.from({ length: 9 }, (_, j) => (j <= m ? 1 / (m + 1) : 0)),
    ).map(best);
    expect(result.loss.train.sma).toBeCloseTo(Math.min(...averages), 4);
    expect(result.tuned[0]!.sma).toBe(1 + averages.indexOf(Math.min(...averages)));
    const ramps = Array.from({ length: 40 }, (_, i) => {
      const tau = 0.1 * 1.25 ** i;
      return normalised(Float64Array.from({ length: 9 }, (_, j) => Math.exp(-j / tau)));
    }).map(best);
    expect(result.loss.train.ramp).toBeLessThan(Math.min(...ramps) + 1e-4);
    expect(result.loss.train.ramp).toBeGreaterThan(Math.min(...ramps) - 0.01);
  });

  test('the same again gives the same bits', async () => {
    const again = await trainKernel(recordings, options);
    const bits = ({ kernels, loss: found, certificate, fit }: TrainResult) => ({
      kernels,
      found,
      certificate,
      fit,
    });
    expect(bits(again)).toEqual(bits(result));
  });

  test('other test rows leave the kernel and the training losses as they are', async () => {
    const noise = normal(5);
    const shuffled = recordings.map((recording) => ({
      ...recording,
      values: recording.values.map((x) =>
        x.map((v, n) => (n < Math.floor(0.8 * x.length) ? v : 30 * noise())),
      ),
    }));
    const other = await trainKernel(shuffled, options);
    expect(other.kernels).toEqual(result.kernels);
    expect(other.loss.train).toEqual(result.loss.train);
    expect(other.loss.heldOut).not.toEqual(result.loss.heldOut);
  });

  test('--fill gives more windows', async () => {
    const filled = await trainKernel(recordings, { ...options, fill: 1 });
    expect(filled.windows.used).toBeGreaterThan(result.windows.used + 200);
    expect(filled.certificate.relative).toBeLessThan(1e-3);
  });

  test('evaluate finds the same losses, certificate and share', () => {
    const kernels = result.kernels.map(({ taps: stored, bias }) => ({
      taps: Float64Array.from(stored),
      bias,
    }));
    const found = evaluate(recordings, { kernels, family: 'boxcars' }, { target: 'forecast:2', loss });
    expect(found.loss).toEqual(result.loss);
    expect(found.certificate).toEqual(result.certificate);
    expect(found.covered).toEqual(result.covered);
    expect(found.lossName).toBe(loss);
  });

  test('compare judges by the loss: the difference is that of the held-out losses', () => {
    const kernels = result.kernels.map(({ taps: stored, bias }) => ({
      taps: Float64Array.from(stored),
      bias,
    }));
    const newest = {
      kernels: [{ taps: Float64Array.from({ length: 9 }, (_, j) => (j === 0 ? 1 : 0)), bias: 0 }],
    };
    const found = compare(recordings, { kernels }, newest, {
      target: 'forecast:2',
      loss,
      holdout: 0.2,
      fill: 0,
    });
    expect(found.candidate).toBeCloseTo(result.loss.heldOut!.learned, 9);
    expect(found.inForce).toBeCloseTo(result.loss.heldOut!.newest, 9);
    expect(found.better).toBe(true);
    expect(found.reason).toContain(`held-out loss (${loss}) is`);
  });
});

describe('what the losses are for', () => {
  const walk = noisyWalk(6000, 0.02, 3);

  test('huber: spikes in the target pull its kernel less than that of squared error', async () => {
    const [random, noise] = [uniform(7), normal(8)];
    const clean = recordingOf(walk, walk);
    const spiked = recordingOf(
      walk,
      walk.map((v) => v + (random() < 0.02 ? 60 * noise() : 0)),
    );
    const common = { target: 'column:c1', taps: 9, holdout: 0 };
    const ideal = (await trainKernel([clean], common)).kernels[0].taps;
    const distance = async (loss: string) => {
      const { kernels } = await trainKernel([spiked], { ...common, loss });
      return Math.hypot(...kernels[0].taps.map((w, j) => w - ideal[j]!));
    };
    expect(await distance('huber:0.1')).toBeLessThan(0.2 * (await distance('mse')));
  });

  test('quantile: the share asked for, a bias by default, and a sentence that says so', async () => {
    const { covered, kernels, verdict, guarantees } = await trainKernel([recordingOf(walk)], {
      target: 'forecast:3',
      taps: 33,
      loss: 'quantile:0.9',
    });
    expect(covered!.train).toBeCloseTo(0.9, 2);
    expect(kernels[0].bias).toBeGreaterThan(0.5);
    expect(guarantees.lost[0]).toMatch(/bias/);
    expect(verdict).toMatch(
      /quantile loss .* The trend is not below \S+ % of the held-out targets, where 90\.0 % were/,
    );
    const plain = await trainKernel([recordingOf(walk)], {
      target: 'forecast:3',
      taps: 33,
      loss: 'quantile:0.9',
      bias: false,
    });
    expect(plain.kernels).toMatchObject([{ channel: null, bias: 0 }]);
    expect(plain.covered!.train).toBeLessThan(0.8);
    expect(plain.certificate.relative).toBeLessThan(1e-3);
  });

  test('a column as target: 1 is the best constant, to the loss', async () => {
    const target = Float64Array.from(walk, (v, n) => v + (walk[n - 1] ?? v));
    const x = recordingOf(walk, target);
    for (const [loss, f] of Object.entries(formula)) {
      const { loss: found } = await trainKernel([x], {
        target: 'column:c1',
        taps: 9,
        holdout: 0,
        loss,
        bias: true,
      });
      const y = target.subarray(8);
      const mean = y.reduce((a, b) => a + b, 0) / y.length;
      const unit = Math.sqrt(y.reduce((sum, v) => sum + (v - mean) ** 2, 0) / y.length);
      const at = (constant: number, of: Float64Array) =>
        of.reduce((sum, v) => sum + f((constant - v) / unit), 0) / of.length;
      let [constant, lowest] = [mean, at(mean, y)];
      for (let step = unit; step > 1e-6 * unit; step /= 2) {
        for (const c of [constant - step, constant + step])
          if (at(c, y) < lowest) [constant, lowest] = [c, at(c, y)];
      }
      const newest = y.reduce((sum, v, i) => sum + f((walk[i + 8]! - v) / unit), 0) / y.length;
      expect(found.train.newest).toBeCloseTo(newest / lowest, 5);
    }
  });

  test('a target that is reached exactly says so', async () => {
    for (const loss of losses) {
      const { certificate, verdict } = await trainKernel([recordingOf(walk)], {
        target: 'column:c0=c0',
        taps: 9,
        loss,
      });
      expect(certificate).toMatchObject({ relative: null, reason: 'the target is reached exactly' });
      expect(verdict).toMatch(/^Nothing is to be gained here/);
    }
  });
});
