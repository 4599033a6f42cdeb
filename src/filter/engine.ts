import { FirtrendError } from '../dsp/error.ts';
import { answerRoom } from './divide.ts';
import { Grid } from './grid.ts';
import { callOutputs, type GridShape } from './layout.ts';
import { type MergedJob, mergeJobs } from './merge.ts';
import { type FilterJob, type Packed, pack } from './pack.ts';
import type { Convolution } from './plans.ts';
import { type TrendBlock, type TrendRule, unpack } from './unpack.ts';

/** A loaded kernel set at work: one call of the runtime for all jobs of a `run`. Jobs have been checked. */
export class Engine {
  readonly #convolution: Convolution;
  readonly #shape: GridShape;
  readonly #rule: TrendRule;
  readonly #grid: Grid;
  #busy = false;
  /** The last call whose jobs had all the same number of rows, and its T. */
  #uniform = { rows: 0, jobs: 0, channels: 0, outputs: 1 };
  readonly #underWay = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(convolution: Convolution, shape: GridShape, rule: TrendRule) {
    this.#convolution = convolution;
    this.#shape = shape;
    this.#rule = rule;
    this.#grid = new Grid(shape);
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Packs at once, before it returns; calls resolve in order. */
  run(jobs: readonly FilterJob[]): Promise<TrendBlock[]> {
    const call: Promise<TrendBlock[]> = this.#call(jobs).finally(() => this.#underWay.delete(call));
    this.#underWay.add(call);
    return call;
  }

  /** Waits for the calls under way and frees native memory. */
  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#underWay).then(() => {
      this.#grid.release();
      return this.#convolution.release();
    });
    return this.#closed;
  }

  async #call(jobs: readonly FilterJob[]): Promise<TrendBlock[]> {
    const merged = mergeJobs(jobs);
    const outputs = this.#outputsFor(merged);
    // A call made while another is under way has a grid of its own, for that call alone.
    const alone = !this.#busy;
    const grid = alone ? this.#grid : new Grid(this.#shape);
    this.#busy = true;
    try {
      const packed = pack(merged, outputs, this.#shape, grid);
      const y = await this.#convolve(grid, packed);
      return unpack(merged, packed, y, grid.memory, this.#rule);
    } finally {
      if (alone) {
        grid.end();
        this.#busy = false;
      } else {
        grid.release();
      }
    }
  }

  /** T. The choice costs more than a small call: what comes again as it came last is not chosen anew. */
  #outputsFor(jobs: readonly MergedJob[]): number {
    const rows = jobs[0]?.rows ?? 0;
    let channels = 0;
    for (const job of jobs) {
      if (job.rows !== rows) {
        const demands = jobs.map((each) => ({ rows: each.rows, channels: each.window.channels }));
        return callOutputs(demands, this.#shape);
      }
      channels += job.window.channels;
    }
    const last = this.#uniform;
    if (last.rows !== rows || last.jobs !== jobs.length || last.channels !== channels) {
      const demands = jobs.map(({ window }) => ({ rows, channels: window.channels }));
      this.#uniform = { rows, jobs: jobs.length, channels, outputs: callOutputs(demands, this.#shape) };
    }
    return this.#uniform.outputs;
  }

  async #convolve(grid: Grid, { outputs, jobs }: Packed): Promise<Float32Array> {
    const { x, batchRows, length } = grid.input();
    if (batchRows === 0) return new Float32Array();
    const size = batchRows * this.#shape.lanes * outputs;
    const y = jobs.some(({ masked }) => masked) ? answerRoom(grid.memory, size) : undefined;
    try {
      return await this.#convolution.run(x, batchRows, length, y);
    } catch (cause) {
      throw new FirtrendError('filterFailed', `onnxruntime: ${String(cause)}`, { cause });
    }
  }
}
