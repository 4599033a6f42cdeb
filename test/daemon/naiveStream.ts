/**
 * What a stream has to do, written once more from the words of the design and the protocol: row by row, with nothing
 * shared with `step`. One sample a row, for what is decided about a row does not depend on how many channels it has.
 */
import type { ChannelInfo } from '../../src/log/sampleLog.ts';

export interface Slot {
  readonly connection: number;
  readonly slot: number;
}

/** A kernel by the name it goes by in these tests, or the reason why there is none. */
export type Kernel = { readonly name: string } | { readonly reason: string };

interface Row {
  readonly value: number;
  readonly time: number;
}

interface Life {
  readonly epoch: string;
  readonly channels: readonly ChannelInfo[];
  readonly rate: number;
  /** What was committed first under each number wins. */
  readonly rows: Map<number, Row>;
  /** From which number on which kernel makes the trends. */
  readonly kernels: { readonly seq: number; readonly kernel: Kernel }[];
  head: number;
}

interface Owner extends Slot {
  readonly id: string | undefined;
  /** Below this number its samples are an error. */
  readonly start: number;
}

/** What a caller is told, without the words of messages. */
export type Told =
  | { readonly type: 'opened'; readonly to: Slot; readonly epoch: string; readonly nextSeq: number }
  | { readonly type: 'ack'; readonly to: Slot; readonly nextSeq: number }
  | { readonly type: 'closed'; readonly to: Slot; readonly reason?: string | undefined }
  | { readonly type: 'error'; readonly to: Slot; readonly code: string };

export type Counted = Partial<
  Record<'duplicateRows' | 'gapRows' | 'irregularFrames' | 'droppedFrames', number>
>;

export interface NaiveOpen {
  readonly by: Slot;
  readonly channels: readonly ChannelInfo[];
  readonly rate: number;
  readonly id: string | undefined;
  readonly epoch: string | undefined;
  readonly nextSeq: number | undefined;
  readonly takeover: boolean;
  readonly freshEpoch: string;
  readonly kernel: Kernel;
}

export interface NaiveSamples {
  readonly by: Slot;
  readonly seq: number | undefined;
  readonly time: number | undefined;
  readonly period: number | undefined;
  readonly values: readonly number[];
  readonly now: number;
}

export class NaiveStream {
  /** All that ever were, the present one last. */
  readonly lives: Life[] = [];
  #owner: Owner | undefined;
  #kernel: Kernel | undefined;
  /** When the next row is due. */
  #due: number | undefined;

  get life(): Life | undefined {
    return this.lives.at(-1);
  }

  open(asked: NaiveOpen): Told[] {
    const told: Told[] = [];
    if (this.#owner) {
      // "A second producer gets streamBusy unless it has the same producer id or takeover: true".
      const same = asked.id !== undefined && asked.id === this.#owner.id;
      if (!same && !asked.takeover) return [{ type: 'error', to: asked.by, code: 'streamBusy' }];
      const { connection, slot } = this.#owner;
      told.push({ type: 'closed', to: { connection, slot }, reason: 'takenOver' });
    }
    // "A stream gets a new epoch when … a producer quotes the epoch and a nextSeq above ours; other channels or rate".
    const quotes = this.life !== undefined && asked.epoch === this.life.epoch;
    const knowsMore = quotes && asked.nextSeq !== undefined && asked.nextSeq > this.life!.head;
    const other =
      this.life !== undefined &&
      (JSON.stringify(asked.channels) !== JSON.stringify(this.life.channels) ||
        asked.rate !== this.life.rate);
    const anew = this.life === undefined || knowsMore || other;
    if (anew) {
      const { freshEpoch: epoch, channels, rate } = asked;
      this.lives.push({ epoch, channels, rate, rows: new Map(), kernels: [], head: 0 });
      this.#due = undefined;
      this.#kernel = undefined;
    }
    const life = this.life!;
    this.swap(asked.kernel);
    // "One that did not quote must start at opened.nextSeq".
    this.#owner = { ...asked.by, id: asked.id, start: quotes && !anew ? 0 : life.head };
    told.push({ type: 'opened', to: asked.by, epoch: life.epoch, nextSeq: life.head });
    return told;
  }

  samples(frame: NaiveSamples): { told: Told[]; counted: Counted } {
    const { life } = this;
    if (!life || !this.#owner || !this.#is(frame.by)) return { told: [], counted: { droppedFrames: 1 } };
    const first = frame.seq ?? life.head;
    const refused = (code: string) => ({
      told: [{ type: 'error' as const, to: frame.by, code }],
      counted: {},
    });
    if (first < this.#owner.start) return refused('seqBelowHead');
    if (first + frame.values.length > Number.MAX_SAFE_INTEGER) return refused('limit');
    const period = frame.period ?? 1000 / life.rate;
    // "One without time is stamped once, on receipt": its newest row is of now.
    const time = frame.time ?? frame.now - (frame.values.length - 1) * period;
    let duplicateRows = 0;
    let gapRows = 0;
    let irregular = false;
    let fresh = true;
    for (const [i, value] of frame.values.entries()) {
      const seq = first + i;
      if (seq < life.head) {
        duplicateRows++;
        continue;
      }
      const lost = seq - life.head;
      gapRows += lost;
      const at = time + i * period;
      const due = this.#due === undefined ? at : this.#due + lost * period;
      if (fresh && frame.time !== undefined && Math.abs(at - due) > period) irregular = true;
      fresh = false;
      life.rows.set(seq, { value, time: at });
      life.head = seq + 1;
      this.#due = at + period;
    }
    const counted = {
      ...(duplicateRows > 0 && { duplicateRows }),
      ...(gapRows > 0 && { gapRows }),
      ...(irregular && { irregularFrames: 1 }),
    };
    return { told: [{ type: 'ack', to: frame.by, nextSeq: life.head }], counted };
  }

  close(by: Slot, asked: boolean): Told[] {
    if (this.#owner && this.#is(by)) this.#owner = undefined;
    return asked ? [{ type: 'closed', to: by }] : [];
  }

  /** "A new kernel takes over at one stated seq": the next one. */
  swap(kernel: Kernel): void {
    if (!this.life || JSON.stringify(kernel) === JSON.stringify(this.#kernel)) return;
    this.#kernel = kernel;
    this.life.kernels.push({ seq: this.life.head, kernel });
  }

  /** The daemon dies and comes back, with its log or without. */
  restart(kept: boolean): void {
    this.#owner = undefined;
    if (!kept) {
      this.lives.length = 0;
      this.#kernel = undefined;
      this.#due = undefined;
      return;
    }
    const { life } = this;
    const newest = life?.rows.get(life.head - 1);
    this.#due = life && newest && newest.time + 1000 / life.rate;
  }

  #is({ connection, slot }: Slot): boolean {
    return this.#owner?.connection === connection && this.#owner.slot === slot;
  }
}
