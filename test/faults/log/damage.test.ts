import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { LogRecord, SampleLog } from '../../../src/log/sampleLog.ts';
import { segmentLog } from '../../../src/log/segmentLog.ts';
import { readSegments } from '../../../src/log/segmentReader.ts';
import { filterRecord, readAll, samplesRecord, streamRecord } from '../../log/contract.ts';

/** Random ones, or `all`: every bit of every file (64 KiB), one after the other. */
const wanted = process.env.FIRTREND_LOG_FLIPS ?? (process.env.FIRTREND_MILESTONE === '1' ? 'all' : '5000');
const keepSamples = 100;

interface Row {
  readonly value: number;
  readonly time: number;
  readonly model: string | undefined;
}

/** All that a log tells of a stream from `head.oldestSeq` on: rows, and seqs told as lost. */
interface Told {
  readonly rows: Map<number, Row>;
  readonly lost: Set<number>;
  readonly oldestSeq: number;
  readonly nextSeq: number;
}

async function tell(log: Pick<SampleLog, 'read' | 'head' | 'streams'>): Promise<Map<string, Told>> {
  const told = new Map<string, Told>();
  for (const name of log.streams()) {
    const { oldestSeq, nextSeq } = log.head(name)!;
    const rows = new Map<number, Row>();
    const lost = new Set<number>();
    let model: string | undefined;
    for (const record of await readAll(log, name, oldestSeq, Number.MAX_SAFE_INTEGER)) {
      if (record.type === 'damaged') for (let seq = record.seq; seq < record.toSeq; seq++) lost.add(seq);
      if (record.type === 'filter') ({ model } = record);
      if (record.type === 'unfiltered') model = record.reason;
      if (record.type !== 'samples') continue;
      for (let i = 0; i < record.rows; i++) {
        rows.set(record.seq + i, { value: record.planes[i]!, time: record.time + i * record.period, model });
      }
    }
    told.set(name, { rows, lost, oldestSeq, nextSeq });
  }
  return told;
}

/** A log of 64 KiB with everything in it: gaps, swaps, jitter, a second epoch, a deleted stream, carried samples. */
async function makeLog(folder: string): Promise<void> {
  const log = await segmentLog(folder, { segmentBytes: 12 * 1024 });
  const next = new Map([
    ['a', 0],
    ['b', 0],
    ['quiet', 0],
    ['gone', 0],
  ]);
  const channels: Record<string, number> = { a: 2, b: 8, quiet: 1, gone: 3 };
  const frame = (name: string, rows: number, gap = 0, late = 0): LogRecord => {
    const seq = next.get(name)! + gap;
    next.set(name, seq + rows);
    const record = samplesRecord(name, seq, rows, channels[name]);
    return { ...record, time: record.time + late };
  };
  await log.commit(
    [...next.keys()].flatMap((name): LogRecord[] => [
      streamRecord(name, channels[name]),
      filterRecord(name, 0, `${name}0`),
    ]),
  );
  await log.commit([frame('quiet', 40), frame('gone', 5), frame('b', 16)]);
  for (let n = 0; n < 240; n++) {
    const batch = [
      frame('a', 1 + (n % 7), n % 11 === 10 ? 3 : 0, n % 3 === 0 ? 0.25 : n % 17 === 0 ? 1e7 : 0),
    ];
    if (n % 2 === 0) batch.push(frame('b', 8));
    if (n % 60 === 30) batch.unshift(filterRecord('a', next.get('a')!, `a${n}`));
    if (n % 80 === 40) batch.push({ type: 'unfiltered', stream: 'b', seq: next.get('b')!, reason: `b${n}` });
    if (n === 90) {
      batch.push({ type: 'deleted', stream: 'gone' });
    }
    await log.commit(batch);
    if (n % 10 === 9) await log.trim({ maxBytes: 60 * 1024, keepSamples });
  }
  await log.close();
}

/** What damage may not do. @returns what it did all the same */
function harm(truth: Map<string, Told>, told: Map<string, Told>, tailHurt: boolean): string[] {
  const wrong: string[] = [];
  for (const name of told.keys()) if (!truth.has(name)) wrong.push(`${name} has risen`);
  for (const [name, { rows, nextSeq, oldestSeq }] of truth) {
    const found = told.get(name);
    if (!found) {
      wrong.push(`${name} is gone`);
      continue;
    }
    if (found.nextSeq > nextSeq) wrong.push(`${name}: nextSeq ${found.nextSeq} of ${nextSeq}`);
    // The end of the last segment cannot be told from a commit that never was.
    if (found.nextSeq < nextSeq && !tailHurt) wrong.push(`${name}: nextSeq ${found.nextSeq} of ${nextSeq}`);
    if (found.oldestSeq > oldestSeq) wrong.push(`${name}: from ${found.oldestSeq} on, of ${oldestSeq}`);
    for (const [seq, row] of found.rows) {
      const { value, time, model } = rows.get(seq) ?? {};
      if (value !== row.value || time !== row.time || model !== row.model) {
        wrong.push(`${name}[${seq}] is ${JSON.stringify(row)}, was ${JSON.stringify(rows.get(seq))}`);
      }
      if (found.lost.has(seq)) wrong.push(`${name}[${seq}] is told and lost`);
    }
    for (const seq of rows.keys()) {
      if (seq < found.nextSeq && !found.rows.has(seq) && !found.lost.has(seq))
        wrong.push(`${name}[${seq}] is lost in silence`);
    }
  }
  return wrong;
}

test(`damage anywhere (${wanted} bits and cuts) is found or harmless`, {
  timeout: 4 * 3600_000,
}, async () => {
  const seed = Number(process.env.FIRTREND_SEED ?? Date.now() & 0xffff);
  const began = performance.now();
  const root = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'firtrend-damage-'));
  const whole = join(root, 'whole');
  const hurt = join(root, 'hurt');
  await makeLog(whole);
  await mkdir(hurt);
  const files = (await readdir(whole)).filter((name) => name !== 'lock').sort();
  const contents = new Map<string, Buffer>();
  for (const name of files) contents.set(name, await readFile(join(whole, name)));
  for (const name of files) await copyFile(join(whole, name), join(hurt, name));
  const reader = await readSegments(whole);
  const truth = await tell(reader);
  expect(reader.segments.length).toBeGreaterThan(3);
  expect([...truth.values()].map(({ lost }) => lost.size)).toEqual([0, 0, 0]);
  await reader.close();
  const lastSegment = files.filter((name) => name.endsWith('.segment')).at(-1)!;
  const sizes = files.map((name) => contents.get(name)!.length);
  const bytes = sizes.reduce((a, b) => a + b);

  let random = seed;
  const below = (n: number): number => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return Math.floor((random / 2 ** 32) * n);
  };
  const trials = wanted === 'all' ? 8 * bytes : Number(wanted);
  const outcome = { unnoticed: 0, 'told as damaged': 0, 'cut off at the end': 0 };
  for (let trial = 0; trial < trials; trial++) {
    let at = wanted === 'all' ? trial >> 3 : below(bytes);
    const bit = wanted === 'all' ? trial & 7 : below(8);
    let file = 0;
    while (at >= sizes[file]!) at -= sizes[file++]!;
    const name = files[file]!;
    const isCut = wanted !== 'all' && below(8) === 0;
    const damaged = Buffer.from(contents.get(name)!);
    if (!isCut) damaged[at]! ^= 1 << bit;
    await writeFile(join(hurt, name), isCut ? damaged.subarray(0, at) : damaged);
    const where = `seed ${seed}, ${name} ${isCut ? 'cut at' : `bit ${bit} of`} ${at}`;
    const found = await readSegments(hurt);
    const told = await tell(found);
    const lost = [...told.values()].some((stream) => stream.lost.size > 0);
    if (lost && trial % 10 === 0) expect((await found.check()).damaged, where).not.toEqual([]);
    await found.close();
    expect(harm(truth, told, name === lastSegment), where).toEqual([]);
    const shorter = [...told].some(([stream, { nextSeq }]) => nextSeq < truth.get(stream)!.nextSeq);
    outcome[lost ? 'told as damaged' : shorter ? 'cut off at the end' : 'unnoticed']++;
    if (trial % (wanted === 'all' ? 200 : 20) === 0) await goesOn(hurt, join(root, 'owned'), where);
    await writeFile(join(hurt, name), contents.get(name)!);
  }
  process.stdout.write(
    `log damage: seed ${seed}, ${trials} in ${bytes} bytes, ${JSON.stringify(outcome)}, ${((performance.now() - began) / 1000).toFixed(0)} s\n`,
  );
  await rm(root, { recursive: true });
});

/** A daemon that starts on what is damaged goes on, and what it commits is there after the next start. */
async function goesOn(hurt: string, owned: string, where: string): Promise<void> {
  await rm(owned, { recursive: true, force: true });
  await mkdir(owned);
  for (const name of await readdir(hurt)) await copyFile(join(hurt, name), join(owned, name));
  const log = await segmentLog(owned, { segmentBytes: 12 * 1024 });
  const before = await tell(log);
  const batch = [...before].map(([name, { nextSeq }]) =>
    samplesRecord(name, nextSeq, 3, log.head(name)!.channels.length),
  );
  await log.commit(batch);
  for (let n = 0; n < 3; n++) await log.trim({ maxBytes: 40 * 1024, keepSamples });
  await log.close();
  const again = await segmentLog(owned, { segmentBytes: 12 * 1024 });
  const after = await tell(again);
  for (const [name, { rows, nextSeq, lost }] of before) {
    const found = after.get(name)!;
    expect(found.nextSeq, `${where}: ${name}`).toBe(nextSeq + 3);
    for (const [seq, row] of rows)
      if (seq >= found.oldestSeq) expect(found.rows.get(seq), `${where}: ${name}[${seq}]`).toEqual(row);
    for (const seq of lost)
      if (seq >= found.oldestSeq) expect(found.lost.has(seq), `${where}: ${name}[${seq}] lost`).toBe(true);
    expect(found.rows.get(nextSeq)?.value).toBe(nextSeq);
  }
  await again.close();
}
