import { crc32 } from 'node:zlib';

/** Streams of the log process; stream s has s + 1 channels. */
export const streamNames = ['a', 'b/c', 'site/gait'] as const;

/** Sample (channel c, seq n) of stream s: what was written is known from where it was. */
export function sampleOf(s: number, seq: number, c: number): number {
  return Math.fround(((seq * 7919 + c * 104729 + s * 1299709) % 1_000_003) / 64);
}

/** A digest of the rows `[from, to)` of a stream: what the log process must find when it reads them back. */
export function digestOf(s: number, from: number, to: number): number {
  const row = new Float64Array(s + 2);
  let digest = 0;
  for (let seq = from; seq < to; seq++) {
    row[0] = seq;
    for (let c = 0; c <= s; c++) row[c + 1] = sampleOf(s, seq, c);
    digest = crc32(new Uint8Array(row.buffer), digest);
  }
  return digest;
}

/** What a log process says of a stream after opening. */
export interface Found {
  readonly epoch: string;
  readonly nextSeq: number;
  readonly oldestSeq: number;
  readonly proven: boolean;
  readonly digest: number;
  /** Seqs and models of the filters that were read. */
  readonly filters: readonly [seq: number, model: string][];
  readonly damaged: number;
}

/** The lines of one life of a log process. */
export interface Life {
  readonly found: Readonly<Record<string, Found>> | undefined;
  /** `nextSeq` of each stream after the last acknowledged commit, and after the last that was begun. */
  readonly acknowledged: readonly number[] | undefined;
  readonly begun: readonly number[] | undefined;
  readonly commits: number;
  readonly inFlight: boolean;
  readonly broken: string | undefined;
  readonly full: number;
  readonly closed: boolean;
}

export function lifeFrom(output: string): Life {
  let found: Life['found'];
  let acknowledged: number[] | undefined;
  let begun: number[] | undefined;
  let broken: string | undefined;
  let begins = 0;
  let commits = 0;
  let full = 0;
  let closed = false;
  // The last line may be cut short: it was never said.
  for (const line of output.split('\n').slice(0, -1)) {
    const [word, ...rest] = line.split(' ');
    if (word === 'open') found = JSON.parse(line.slice(5)) as Record<string, Found>;
    if (word === 'begin') {
      begun = rest.map(Number);
      begins++;
    }
    if (word === 'ack') {
      acknowledged = rest.map(Number);
      commits++;
    }
    if (word === 'broken') broken = rest.join(' ');
    if (word === 'full') full++;
    if (word === 'closed') closed = true;
  }
  return { found, acknowledged, begun, commits, inFlight: begins > commits, broken, full, closed };
}

/** What outlives the log processes: what they were told to have written. Kept by the test, from their lines alone. */
export interface Ledger {
  readonly acknowledged: readonly number[];
  readonly begun: readonly number[];
  readonly epochs: Readonly<Record<string, string>>;
}

export const emptyLedger: Ledger = { acknowledged: [0, 0, 0], begun: [0, 0, 0], epochs: {} };

/** @returns what is wrong with what a life found, by what is known of the lives before */
export function problems(ledger: Ledger, found: NonNullable<Life['found']>, keepSamples: number): string[] {
  const wrong: string[] = [];
  const held = streamNames.map((name) => found[name]?.nextSeq ?? 0);
  const is = (expected: readonly number[]): boolean => expected.every((seq, s) => seq === held[s]);
  if (!is(ledger.acknowledged) && !is(ledger.begun)) {
    wrong.push(`held ${held}, acknowledged ${ledger.acknowledged}, begun ${ledger.begun}: no whole commit`);
  }
  for (const [s, name] of streamNames.entries()) {
    const stream = found[name];
    if (!stream) continue;
    const { epoch, nextSeq, oldestSeq, proven, digest, filters, damaged } = stream;
    const known = ledger.epochs[name];
    if (known !== undefined && known !== epoch) wrong.push(`${name}: epoch ${epoch}, was ${known}`);
    if (!proven) wrong.push(`${name}: not proven`);
    if (damaged > 0) wrong.push(`${name}: ${damaged} samples damaged`);
    if (oldestSeq > Math.max(0, nextSeq - keepSamples)) wrong.push(`${name}: only from ${oldestSeq} on`);
    if (digest !== digestOf(s, oldestSeq, nextSeq)) wrong.push(`${name}: other samples than written`);
    if (filters.some(([seq, model]) => model !== `m${seq}`))
      wrong.push(`${name}: other filters than written`);
    const inForce = filters.findLast(([seq]) => seq <= oldestSeq);
    if (nextSeq > 0 && !inForce) wrong.push(`${name}: no filter in force`);
  }
  return wrong;
}

/** The ledger after one more life. */
export function after(ledger: Ledger, { found, acknowledged, begun }: Life): Ledger {
  if (!found) return ledger;
  const held = streamNames.map((name) => found[name]?.nextSeq ?? 0);
  const epochs = Object.fromEntries(Object.entries(found).map(([name, { epoch }]) => [name, epoch]));
  return {
    acknowledged: acknowledged ?? held,
    begun: begun ?? held,
    epochs: { ...ledger.epochs, ...epochs },
  };
}
