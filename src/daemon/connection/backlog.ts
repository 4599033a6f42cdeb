/** How much of one kind waits in a stream that carries several kinds: each message is remembered by where it ends. */
export interface Backlog {
  /** Bytes not yet written out, as of the last `settle`. */
  readonly bytes: number;
  /** A message of so many bytes has been written; it ends at `end`, counted from the beginning of the stream. */
  add(end: number, bytes: number): void;
  /** All up to here has been written out. */
  settle(flushed: number): void;
}

export function backlog(): Backlog {
  let messages: { readonly end: number; readonly bytes: number }[] = [];
  let first = 0;
  let waiting = 0;
  return {
    get bytes() {
      return waiting;
    },
    add(end, bytes) {
      messages.push({ end, bytes });
      waiting += bytes;
    },
    settle(flushed) {
      while (first < messages.length && messages[first]!.end <= flushed) waiting -= messages[first++]!.bytes;
      if (first === messages.length) {
        if (first > 0) messages = [];
        first = 0;
      } else if (first > 1024) {
        messages = messages.slice(first);
        first = 0;
      }
    },
  };
}
