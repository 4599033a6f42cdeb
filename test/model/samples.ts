import { boxcarsTaps, rampTaps } from '../../src/dsp/families.ts';
import { storedTaps } from '../../src/dsp/kernel.ts';
import type { Metadata } from '../../src/model/metadata.ts';
import { type TrendModel, trendModel } from '../../src/model/trendModel.ts';

/** A ramp of K taps as `train` stores it. */
export function stored(length: number, alpha = 0.1): Float64Array {
  return Float64Array.from(storedTaps(rampTaps(length, alpha)));
}

export const metadata: Metadata = {
  family: 'boxcars',
  target: 'smooth:32',
  loss: 'mse',
  losses: {
    train: { learned: 0.0891, ema: 0.3, sma: null, ramp: 0.14, newest: 1, free: 0.05 },
    heldOut: null,
  },
  certificate: { gap: 1.25e-9, relative: 1e-8 },
  dataSha256: '0123456789abcdef'.repeat(4),
  seed: 7,
  tool: 'firtrend 0.1.0',
  time: '2025-11-24T00:00:00Z',
};

/** The four forms of §4: shared and per channel, without and with a bias. */
export function sampleModels(taps: number): Record<string, TrendModel> {
  const shared = Float64Array.from(
    storedTaps(boxcarsTaps(Float64Array.from({ length: taps }, (_, i) => i % 3))),
  );
  const channels = Array.from({ length: 9 }, (_, c) => `axis ${c}`);
  const each = channels.map((_, c) => stored(taps, 0.05 * (c + 1)));
  return {
    shared: trendModel({ kernels: [{ taps: shared, bias: 0 }], rate: 64, metadata }),
    'shared, bias': trendModel({ kernels: [{ taps: shared, bias: -0.75 }], channels, rate: 64, metadata }),
    'per channel': trendModel({ kernels: each.map((w) => ({ taps: w, bias: 0 })), channels }),
    'per channel, bias': trendModel({
      kernels: each.map((w, c) => ({ taps: w, bias: c / 4 - 1 })),
      channels,
    }),
  };
}
