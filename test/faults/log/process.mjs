/**
 * The log and nothing else, as a process that can be killed: opens a folder, says what it holds, then commits frames and
 * says what it begins and what was acknowledged, a line each. Arguments: folder, options in JSON.
 */
import { writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { segmentLog } from '../../../dist/log/segmentLog.js';

const [folder, json] = process.argv.slice(2);
/** commits: how many, without end if none; keepSamples, maxBytes: the rule of trimming; the rest is the log's own. */
const {
  commits = Infinity,
  seed = 1,
  keepSamples = 64,
  maxBytes = 1e9,
  rows: most = 40,
  ...options
} = JSON.parse(json);
const names = ['a', 'b/c', 'site/gait'];
const say = (line) => writeSync(1, `${line}\n`);

// A small generator of our own: the same seed, the same life.
let state = seed;
function below(n) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
}

function sampleOf(s, seq, c) {
  return Math.fround(((seq * 7919 + c * 104729 + s * 1299709) % 1_000_003) / 64);
}

function frame(s, seq, rows) {
  const planes = new Float32Array(rows * (s + 1));
  for (let c = 0; c <= s; c++) for (let i = 0; i < rows; i++) planes[c * rows + i] = sampleOf(s, seq + i, c);
  return {
    type: 'samples',
    stream: names[s],
    seq,
    rows,
    planes,
    time: 1763e9 + seq * 10 + below(2),
    period: 10,
  };
}

function filter(s, seq) {
  const kernels = [{ taps: new Float32Array(33).fill(1 / 33), bias: 0 }];
  return {
    type: 'filter',
    stream: names[s],
    seq,
    kernels,
    sha256: 'ab',
    model: `m${seq}`,
    version: 1,
    minCoverage: 0.5,
    fingerprint: 'f',
  };
}

async function found(log, s) {
  const head = log.head(names[s]);
  if (!head) return undefined;
  const row = new Float64Array(s + 2);
  let digest = 0;
  let damaged = 0;
  const filters = [];
  for await (const record of log.read(names[s], head.oldestSeq, Number.MAX_SAFE_INTEGER)) {
    if (record.type === 'damaged') damaged += record.toSeq - record.seq;
    if (record.type === 'filter') filters.push([record.seq, record.model]);
    if (record.type !== 'samples') continue;
    for (let i = 0; i < record.rows; i++) {
      row[0] = record.seq + i;
      for (let c = 0; c <= s; c++) row[c + 1] = record.planes[c * record.rows + i];
      digest = crc32(new Uint8Array(row.buffer), digest);
    }
  }
  const { epoch, nextSeq, oldestSeq, proven } = head;
  return { epoch, nextSeq, oldestSeq, proven, digest, filters, damaged };
}

const log = await segmentLog(folder, {
  ...options,
  onFull: (full) => full && say('full'),
  onBroken: (error) => {
    say(`broken ${error.code} ${error.cause?.code}`);
    process.exit(3);
  },
});
const told = {};
for (const [s, name] of names.entries()) {
  const stream = await found(log, s);
  if (stream) told[name] = stream;
}
say(`open ${JSON.stringify(told)}`);

const next = names.map((name) => log.head(name)?.nextSeq ?? 0);
const begun = new Set(names.filter((name) => log.head(name)));

function nextBatch(n) {
  const batch = [];
  for (const [s, name] of names.entries()) {
    if (!begun.has(name)) {
      const channels = Array.from({ length: s + 1 }, (_, c) => ({ name: `c${c}`, offset: 0 }));
      batch.push({ type: 'stream', stream: name, epoch: `00000000000000e${s}`, channels, rate: 100 });
      batch.push(filter(s, 0));
      begun.add(name);
    } else if (below(20) === 0) {
      batch.push(filter(s, next[s]));
    }
    if (below(4) === 0 && n > 0) continue;
    const count = 1 + below(most);
    batch.push(frame(s, next[s], count));
    next[s] += count;
  }
  return { batch, reached: next.join(' ') };
}

// What is acknowledged and what follows are said in one write: the next frames are always on their way.
let { batch, reached } = nextBatch(0);
say(`begin ${reached}`);
for (let n = 0; n < commits; n++) {
  if (n % 8 === 7) await log.trim({ maxBytes, keepSamples });
  const commit = log.commit(batch);
  const after = nextBatch(n + 1);
  await commit;
  say(n + 1 < commits ? `ack ${reached}\nbegin ${after.reached}` : `ack ${reached}`);
  ({ batch, reached } = after);
}
await log.close();
say('closed');
