import type { FrameMarks } from '../../wire/codec.ts';
import type { KernelInfo, ServerControl, TrendRows } from '../../wire/serverMessages.ts';

/** What slots need of a connection: control is never dropped, data obeys a budget that they look at first. */
export interface Outbound {
  /** Sends what nobody asked for. */
  control(message: ServerControl): void;
  /** Sends an answer; while many wait to be sent, no further requests are read. */
  reply(message: ServerControl): void;
  /** The news of a kernel in one slot; neighbouring ones of the same kernel go as one message. */
  kernel(slot: number, seq: number, info: KernelInfo): void;
  /** Sends a frame. The same `rows` object is encoded once, however many connections it is sent on. */
  trend(slot: number, rows: TrendRows, marks: FrameMarks): void;
  /** Whether more than the byte budget waits to be sent. */
  readonly congested: boolean;
  /** Resolves when there is room again, or when the connection has ended. */
  writable(): Promise<void>;
  /** One at a time for each connection, in the order asked for: what is behind holds memory while it catches up. */
  turn(work: () => Promise<void>): Promise<void>;
  /** Whether others wait for their turn. */
  readonly othersWait: boolean;
  /** Ends the connection with a close code (docs/protocol.md). */
  end(code: number, reason: string): void;
}
