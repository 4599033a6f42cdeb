import type { Gap, KernelInfo, Live, Removed, SlotInfo, TrendFrame } from '../wire/serverMessages.ts';
import type { WireError } from '../wire/wireError.ts';

/** Which stream an event is about. */
interface Named {
  readonly name: string;
}

/** What a subscription tells, in the order in which it holds. */
export type SubscriptionEvent =
  /** The connection is gone and will be made again: what was told before is no longer live. */
  | { readonly type: 'disconnected'; readonly error: WireError }
  /**
   * It is back. These streams, with new slots, replace all before: of each `recovered` and `lost` say whether it goes on
   * without a hole. One that is not among them is gone, or has not come back yet.
   */
  | { readonly type: 'resumed'; readonly streams: readonly SlotInfo[] }
  /** The first event: the streams there are. */
  | { readonly type: 'subscribed'; readonly streams: readonly SlotInfo[] }
  | { readonly type: 'added'; readonly streams: readonly SlotInfo[] }
  | { readonly type: 'removed'; readonly streams: readonly SlotInfo[]; readonly reason: Removed['reason'] }
  /** A stream that came later cannot be followed as asked (`unknownChannel`); the others go on. */
  | { readonly type: 'refused'; readonly error: WireError }
  | { readonly type: 'stale'; readonly streams: readonly SlotInfo[] }
  | (TrendFrame & Named)
  | (Gap & Named)
  /** The replay has ended: what follows is live. */
  | (Live & Named)
  | ({
      readonly type: 'kernel';
      readonly changes: readonly { readonly slot: number; readonly name: string; readonly seq: number }[];
    } & KernelInfo);
