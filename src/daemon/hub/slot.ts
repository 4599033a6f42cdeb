import type { KernelRecord, Topic } from './topic.ts';
import type { Offered } from './viewGroup.ts';

/** One end of a subscription: (subscription, stream, epoch). */
export interface Slot {
  readonly number: number;
  readonly topic: Topic;
  /** A released frame; they come in order and without holes but for gaps. */
  offer(offered: Offered): void;
  /** From `record.seq` on another kernel makes the trends. */
  swap(record: KernelRecord): void;
  /** The next seq it will send, when it has sent nothing since the last call: for `alive`. */
  silentAt(): number | undefined;
  close(): void;
  /** What it still owes its subscriber of this epoch, and why it does, if it is behind. */
  unsent():
    | { readonly fromSeq: number; readonly toSeq: number; readonly reason: 'slow' | 'trimmed' }
    | undefined;
}
