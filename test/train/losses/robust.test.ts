import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Family } from '../../../src/dsp/families.ts';
import { normalised } from '../../../src/dsp/kernel.ts';
import { finish } from '../../../src/train/finish.ts';
import { trainingLoss } from '../../../src/train/loss.ts';
import { parseLoss } from '../../../src/train/losses/parseLoss.ts';
import { scalesOf } from '../../../src/train/losses/scales.ts';
import { squared } from '../../../src/train/losses/squared.ts';
import type { Objective } from '../../../src/train/objective.ts';
import { quadraticObjective } from '../../../src/train/quadraticObjective.ts';
import { readRecording } from '../../../src/train/readRecording.ts';
import type { Recording } from '../../../src/train/recording.ts';
import { type Split, splitWindows } from '../../../src/train/split.ts';
import { trainKernel } from '../../../src/train/train.ts';
import { lagOf } from '../../../src/train/vertices.ts';
import { windowObjective } from '../../../src/train/windowed/windowObjective.ts';
import { gait, uniform } from '../support.ts';

/** Made by fixtures/robust.py with SciPy: linear programming for quantile, SLSQP for huber. */
const fixture = JSON.parse(readFileSync(new URL('../fixtures/robust.json', import.meta.url), 'utf8')) as {
  classes: {
    loss: string;
    family: Family;
    bias: boolean;
    maxLag: number | null;
    shared: number;
    perChannel: number[];
  }[];
  ramps: { loss: string; bias: boolean; shared: number }[];
  gait: { ankle_vert: number; shared: number };
};
const names = ['ankle_vert', 'leg_horiz_fwd', 'trunk_vert'];
const taps = 17;

let recording: Recording;
let windows: Split['train'];
beforeAll(async () => {
  const whole = await readRecording(gait, { columns: names });
  recording = { ...whole, length: 400, values: whole.values.map((x) => x.subarray(0, 400)) };
  windows = splitWindows([recording], { kind: 'forecast', steps: 8 }, taps, 0).train;
});

function objectiveOf(loss: string, bias: boolean, channels = windows): Objective {
  const error = parseLoss(loss);
  return windowObjective(error, bias, channels, scalesOf(error, channels, 'newest'), taps);
}

/** The kernel of a file from a start that knows nothing, without TensorFlow. */
function polished(objective: Objective, family: Family, maxLag: number) {
  const start = new Float64Array(taps).fill(1 / taps);
  const { taps: stored } = finish((aim) => objective.polish(family, start, aim), maxLag);
  const served = normalised(stored);
  const biases = objective.biases(served).map(Math.fround);
  return {
    stored,
    biases,
    lag: lagOf(served),
    loss: objective.loss({ taps: served, biases }),
    certificate: objective.certificate(family, { taps: stored, biases }, maxLag),
  };
}

describe.each(fixture.classes)(
  '$loss, $family, bias $bias, largest lag $maxLag',
  ({ loss, family, bias, maxLag, shared, perChannel }) => {
    const limit = maxLag ?? Infinity;
    const problems = () => [
      { objective: objectiveOf(loss, bias), best: shared },
      ...perChannel.map((best, c) => ({ objective: objectiveOf(loss, bias, [windows[c]!]), best })),
    ];

    test("SciPy's loss, shared and per channel, to 1e-4 and proven to be", () => {
      for (const { objective, best } of problems()) {
        const found = polished(objective, family, limit);
        expect(found.loss / best - 1).toBeLessThan(1e-4);
        expect(found.loss / best - 1).toBeGreaterThan(-2e-6);
        expect(found.certificate.relative).toBeLessThan(1e-3);
        expect(found.lag).toBeLessThanOrEqual(limit);
      }
    });

    test('no certificate is below what a kernel really is above the optimum', () => {
      const random = uniform(4);
      for (const { objective, best } of problems()) {
        const optimum = polished(objective, family, limit);
        for (let i = 0; i < 8; i++) {
          const other = normalised(Float64Array.from({ length: taps }, () => random() ** (1 + 9 * random())));
          if (family !== 'simplex') other.sort().reverse();
          // Near the optimum too, where a bound that is too low would show first.
          const share = 10 ** -(i % 6);
          const near = other.map((w, j) => share * w + (1 - share) * normalised(optimum.stored)[j]!);
          if (lagOf(near) > limit) continue;
          const stored = Float32Array.from(near);
          const biases = optimum.biases.map((b) => Math.fround(b + (bias ? share * (random() - 0.5) : 0)));
          const value = objective.loss({ taps: normalised(stored), biases });
          const { gap } = objective.certificate(family, { taps: stored, biases }, limit);
          // The optimum itself is SciPy's to 1e-9 of it for quantile and to 2e-6 for huber, but never below the true one.
          expect(gap).toBeGreaterThan(value - best - 1e-9);
        }
      }
    });
  },
);

test.each(fixture.ramps)(
  'the best ramp by $loss, bias $bias, is that of a dense scan',
  ({ loss, bias, shared }) => {
    const objective = objectiveOf(loss, bias);
    const { loss: found, certificate } = polished(objective, 'ramp', Infinity);
    expect(Math.abs(found / shared - 1)).toBeLessThan(1e-4);
    // What the shape costs beside the whole class.
    const whole = fixture.classes.find(
      (one) => one.loss === loss && one.bias === bias && one.family === 'boxcars' && one.maxLag === null,
    )!;
    expect(certificate.gap).toBeGreaterThan(found - whole.shared);
  },
);

describe.each([false, true])(
  'squared error window by window is squared error as a quadratic form, bias %s',
  (bias) => {
    const both = (): [Objective, Objective] => [
      windowObjective(squared, bias, windows, scalesOf(squared, windows, 'newest'), taps),
      quadraticObjective(windows, trainingLoss(windows, taps, 'newest', bias), bias),
    ];

    test.each([
      ['boxcars', Infinity],
      ['boxcars', 1.5],
      ['simplex', Infinity],
      ['ramp', Infinity],
    ] as const)('%s, largest lag %d: kernels, losses and certificates', (family, maxLag) => {
      const [one, other] = both().map((objective) => polished(objective, family, maxLag));
      one!.stored.forEach((tap, j) => {
        expect(tap).toBeCloseTo(other!.stored[j]!, 4);
      });
      expect(one!.loss).toBeCloseTo(other!.loss, 8);
      if (family === 'ramp') expect(one!.certificate.gap).toBeCloseTo(other!.certificate.gap, 4);
      else expect(one!.certificate.relative).toBeLessThan(1e-5);
    });

    test('a certificate far from the optimum', () => {
      const kernel = {
        taps: new Float32Array(taps).fill(1 / taps),
        biases: [0.5, -3, 2].map((b) => (bias ? b : 0)),
      };
      const [one, other] = both().map((objective) => objective.certificate('boxcars', kernel, Infinity));
      expect(one!.gap).toBeCloseTo(other!.gap, 9);
    });

    test('baselines', () => {
      const [one, other] = both();
      for (const maxLag of [Infinity, 3.2]) {
        expect(one.bestAverage(maxLag)).toBe(other.bestAverage(maxLag));
        expect(one.bestRamp(maxLag).timeConstant! / other.bestRamp(maxLag).timeConstant!).toBeCloseTo(1, 3);
        const [mine, theirs] = [one.bestFree(maxLag), other.bestFree(maxLag)];
        mine.forEach((tap, j) => {
          expect(tap).toBeCloseTo(theirs[j]!, 3);
        });
      }
      const [mine, theirs] = [one.bestExponential(1e-3), other.bestExponential(1e-3)];
      expect(mine.a / theirs.a).toBeCloseTo(1, 3);
      mine.biases.forEach((own, c) => {
        expect(own).toBeCloseTo(theirs.biases[c]!, 1);
      });
      expect(one.averageLoss(theirs)).toBeCloseTo(other.averageLoss(theirs), 9);
    });
  },
);

test.each([
  ['huber:0.2', { family: 'boxcars', bias: true, maxLag: '2.5' }],
  ['quantile:0.9', { family: 'simplex', maxLag: '2.5' }],
] as const)('%s: training as a whole, shared and per channel', async (loss, options) => {
  const case_ = fixture.classes.find(
    (one) => one.loss === loss && one.family === options.family && one.bias && one.maxLag === 2.5,
  )!;
  const common = { target: 'forecast:8', taps, holdout: 0, loss, ...options };
  const shared = await trainKernel([recording], common);
  expect(Math.abs(shared.loss.train.learned / case_.shared - 1)).toBeLessThan(1e-4);
  expect(shared.certificate.relative).toBeLessThan(1e-3);
  expect(shared).toMatchObject({ lossName: loss, warnings: [] });
  expect(shared.loss.train.newest).toBeCloseTo(1, 9);
  expect(shared.loss.train.free).toBeLessThan(shared.loss.train.learned * (1 + 1e-4));
  const each = await trainKernel([recording], { ...common, perChannel: true });
  each.channelLosses.forEach(({ train }, c) => {
    expect(Math.abs(train! / case_.perChannel[c]! - 1)).toBeLessThan(1e-4);
  });
  expect(each.certificate.relative).toBeLessThan(1e-3);
});

test("quantile:0.9 on the whole of ankle_vert, smooth:32, K = 65: the linear program's optimum", async () => {
  const whole = await readRecording(gait, { columns: ['ankle_vert'] });
  const { loss, certificate, covered, fit } = await trainKernel([whole], { loss: 'quantile:0.9' });
  expect(Math.abs(loss.train.learned / fixture.gait.ankle_vert - 1)).toBeLessThan(1e-4);
  expect(certificate.gap).toBeGreaterThan(loss.train.learned - fixture.gait.ankle_vert);
  expect(certificate.relative).toBeLessThan(1e-3);
  expect(Math.abs(covered!.train - 0.9)).toBeLessThan(0.01);
  // TensorFlow on minibatches did nearly all of the way.
  expect(fit.trajectory[0]! / loss.train.learned).toBeGreaterThan(1.2);
  expect(fit.trajectory.at(-1)! / loss.train.learned).toBeLessThan(1.01);
});
