import type { Gap, KernelInfo, Live, Removed, SlotInfo, TrendFrame } from '../wire/serverMessages.ts';
import type { WireError } from '../wire/wireError.ts';

/** Which stream an event is about. */
interface Named {
  readonly name: string;
}

/** What a subscription tells, in the order in which it holds. */
export type SubscriptionEvent =
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
