import type { ServerControl, TrendRows } from '../../wire/serverMessages.ts';

/** What slots need of a connection: control is never dropped, data obeys a budget that they look at first. */
export interface Outbound {
  control(message: ServerControl): void;
  /** @param shared the view's key where the frame is one that others with the same view get too */
  trend(slot: number, rows: TrendRows, shared?: { readonly of: object; readonly key: string }): void;
  /** Whether more than the byte budget waits to be sent. */
  readonly congested: boolean;
  /** Resolves when there is room again, or when the connection has ended. */
  writable(): Promise<void>;
  /** Ends the connection with a close code (docs/protocol.md). */
  end(code: number, reason: string): void;
}
