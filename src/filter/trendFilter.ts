import { FirtrendError } from '../dsp/error.ts';
import { defaultMinCoverage } from '../dsp/reference.ts';
import { laneBlock } from '../model/encodePlan.ts';
import type { Device } from './device.ts';
import { Engine } from './engine.ts';
import { checkedTaps, type FilterKernel } from './filterKernel.ts';
import { fingerprint } from './fingerprint.ts';
import type { GridShape } from './layout.ts';
import type { FilterJob } from './pack.ts';
import { type Plan, plans } from './plans.ts';
import { type ProvenPlan, provenPlan } from './provenPlan.ts';
import { SampleWindow } from './sampleWindow.ts';
import type { TrendBlock, TrendRule } from './unpack.ts';

export type { FilterKernel } from './filterKernel.ts';
export type { FilterJob } from './pack.ts';
export type { TrendBlock } from './unpack.ts';

/** One kernel set, loaded and proven, ready to filter any number of streams. */
export interface TrendFilter {
  /** K. */
  readonly taps: number;
  /** How many channels a stream must have; null where one kernel serves any number. */
  readonly channels: number | null;
  /** Trends with less coverage are missing. */
  readonly minCoverage: number;
  /** Within one fingerprint equal samples give equal bits. */
  readonly fingerprint: string;
  /** Whether the plan proved that bits do not depend on how samples are cut and batched. */
  readonly exact: boolean;
  /**
   * A new stream's window, everything in it missing.
   *
   * @throws FirtrendError `channelMismatch` where the kernels are for another number of channels
   */
  createWindow(channels: number): SampleWindow;
  /**
   * Filters all jobs in one call of the runtime. Packing happens at once and in order, before this returns: windows are
   * ahead from then on, a second job of the same window sees the first one's samples, and the planes may be reused.
   * May be called while former calls are under way; calls resolve in order.
   *
   * @returns a block a job, in order
   * @throws FirtrendError `frameSize`, `windowSize`, `channelMismatch` for jobs that do not fit (no window has moved),
   *   `filterReleased`, and `filterFailed` where the runtime failed (the windows have moved)
   */
  run(jobs: readonly FilterJob[]): Promise<TrendBlock[]>;
  /**
   * Waits for the calls under way and frees native memory; later calls are refused with `filterReleased`. A filter that
   * nobody holds any more is released some time after.
   */
  release(): Promise<void>;
}

export interface TrendFilterOptions {
  readonly device: Device;
  /** 2^-20 … 1; 1/(2K) where not given, with which a monotone kernel speaks from the first sample. */
  readonly minCoverage?: number;
  /** Kernel c is for channel c alone. By default so where there are several kernels. */
  readonly perChannel?: boolean;
  /** Plans to try, in order; the first that proves exact is taken. */
  readonly planOrder?: readonly Plan[];
}

const leastMinCoverage = 2 ** -20;

/**
 * Loads kernels into the runtime and proves the plan of execution before it resolves.
 *
 * @param kernels one for all channels, or one for each
 * @throws FirtrendError `filterKernel` for kernels that cannot be served together, `minCoverage` out of range,
 *   `filterProof` where the device computes wrong values
 */
export async function createTrendFilter(
  kernels: readonly FilterKernel[],
  options: TrendFilterOptions,
): Promise<TrendFilter> {
  const perChannel = options.perChannel ?? kernels.length > 1;
  const taps = checkedTaps(kernels, perChannel);
  const minCoverage = checkedMinCoverage(options.minCoverage ?? defaultMinCoverage(taps));
  const lanes = Math.ceil(kernels.length / laneBlock) * laneBlock;
  const { provider } = options.device;
  const proven = await provenPlan(
    options.planOrder ?? plans,
    // Lanes without a channel have any channel's taps: what they compute is never read.
    Array.from({ length: lanes }, (_, lane) => (kernels[lane] ?? kernels[0]!).taps),
    { provider, shared: !perChannel },
  );
  return filterOn(proven, {
    shape: { taps, lanes, perChannel, outputs: proven.plan.outputs },
    channels: perChannel ? kernels.length : null,
    minCoverage,
    rule: {
      biases: Float32Array.from(kernels, ({ bias }) => bias),
      biased: kernels.some(({ bias }) => bias !== 0),
      least: float32From(minCoverage),
      mayOverflow: kernels.some(mayOverflow),
    },
    fingerprint: await fingerprint(proven.plan, provider),
  });
}

interface FilterParts {
  readonly shape: GridShape;
  readonly channels: number | null;
  readonly minCoverage: number;
  readonly rule: TrendRule;
  readonly fingerprint: string;
}

/** Closes the engines of filters that were forgotten without `release`. An engine does not know its filter. */
const forgotten = new FinalizationRegistry<Engine>((engine) => void engine.close());

function filterOn({ convolution, exact }: ProvenPlan, parts: FilterParts): TrendFilter {
  const { shape, channels, rule } = parts;
  const engine = new Engine(convolution, shape, rule);

  const checkChannels = (count: number): void => {
    if (Number.isSafeInteger(count) && count > 0 && (channels === null || count === channels)) return;
    throw new FirtrendError(
      'channelMismatch',
      `channels: expected ${channels ?? 'one or more'}, got ${count}`,
    );
  };
  const checkJob = ({ window, planes, rows }: FilterJob): void => {
    checkChannels(window.channels);
    if (window.size < shape.taps - 1) {
      const message = `window: ${shape.taps} taps need ${shape.taps - 1} samples, got ${window.size}`;
      throw new FirtrendError('windowSize', message);
    }
    if (planes.length === rows * window.channels) return;
    const expected = `${rows} rows of ${window.channels} channels`;
    throw new FirtrendError('frameSize', `planes: expected ${expected}, got ${planes.length} samples`);
  };

  const filter: TrendFilter = {
    taps: shape.taps,
    channels,
    minCoverage: parts.minCoverage,
    fingerprint: parts.fingerprint,
    exact,
    createWindow: (count) => {
      checkChannels(count);
      return new SampleWindow(count, shape.taps - 1);
    },
    run: async (jobs) => {
      if (engine.closed) throw new FirtrendError('filterReleased', 'the filter has been released');
      jobs.forEach(checkJob);
      return engine.run(jobs);
    },
    release: () => {
      forgotten.unregister(engine);
      return engine.close();
    },
  };
  forgotten.register(filter, engine, engine);
  return filter;
}

/** Whether trends of ordinary samples (below 2^100) might not be finite: sums are divided by 2^-20 at least. */
function mayOverflow({ taps, bias }: FilterKernel): boolean {
  const gain = taps.reduce((sum, tap) => sum + Math.abs(tap), 0);
  return gain > 2 ** 6 || Math.abs(bias) > 2 ** 126;
}

/** The smallest float32 that is not below a positive value: comparing float32 with either gives the same. */
function float32From(value: number): number {
  const rounded = Float32Array.of(value);
  if (rounded[0]! < value) new Int32Array(rounded.buffer)[0]! += 1;
  return rounded[0]!;
}

function checkedMinCoverage(minCoverage: number): number {
  if (minCoverage >= leastMinCoverage && minCoverage <= 1) return minCoverage;
  throw new FirtrendError('minCoverage', `minCoverage: expected 2^-20 … 1, got ${minCoverage}`);
}
