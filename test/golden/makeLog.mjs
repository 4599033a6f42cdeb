/**
 * Made test/golden/log once, from the first version of the format; kept so that it can be seen how. Tests never run it:
 * what it made must be readable for ever. `node test/golden/makeLog.mjs FOLDER`
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { segmentLog } from '../../dist/log/segmentLog.js';

const folder = process.argv[2];
let salt = 0xc0ffee00;
let now = 1763e9;
const options = {
  segmentBytes: 3000,
  salt: () => salt++,
  bootId: '00000000-0000-4000-8000-000000000001',
  clock: { wall: () => (now += 1000), steady: () => now },
};
const epoch = (n) => n.toString(16).padStart(16, '0');
const begin = (stream, n, channels, rate) => ({ type: 'stream', stream, epoch: epoch(n), channels, rate });
const frame = (stream, seq, rows, channels, time, period) => ({
  type: 'samples',
  stream,
  seq,
  rows,
  planes: Float32Array.from({ length: rows * channels }, (_, i) => (i === 3 ? Number.NaN : seq / 8 + i)),
  time,
  period,
});
const filter = (stream, seq, model, kernels) => ({
  type: 'filter', stream, seq, kernels, sha256: 'ab'.repeat(32), model, version: 2, minCoverage: 1 / 6, fingerprint: 'golden',
});
const shared = [{ taps: Float32Array.of(0.5, 0.3, 0.2), bias: 0 }];
const own = [
  { taps: Float32Array.of(0.75, 0.25), bias: 0.5 },
  { taps: Float32Array.of(1), bias: -1 },
];

let log = await segmentLog(folder, options);
const pair = [{ name: 'p', unit: 'hPa', offset: 101325 }, { name: 'Größe', offset: 0 }];
await log.commit([begin('a', 1, pair, 100), filter('a', 0, 'shared', shared), frame('a', 0, 4, 2, 1763e9, 10)]);
await log.commit([begin('quiet', 2, [{ name: 'x', offset: 0 }], 1 / 3), frame('quiet', 5, 3, 1, 1763e9 + 0.125, 3000)]);
await log.commit([begin('gone', 3, [{ name: 'x', offset: 0 }], 1), frame('gone', 0, 2, 1, 0, 1000)]);
await log.commit([begin('twice', 4, [{ name: 'x', offset: 0 }], 1), frame('twice', 0, 2, 1, 0, 1000)]);
for (let n = 1; n < 30; n++) {
  const batch = [frame('a', 4 * n + (n > 20 ? 7 : 0), 4, 2, 1763e9 + 40 * n + (n % 3) + (n === 9 ? 1e6 + 1 / 3 : 0), 10)];
  if (n === 6) batch.unshift({ type: 'unfiltered', stream: 'a', seq: 24, reason: 'rateMismatch' });
  if (n === 12) batch.unshift(filter('a', 48, 'own', own));
  if (n === 15) batch.push({ type: 'delete', stream: 'gone' });
  if (n === 16) batch.push(begin('twice', 5, pair, 2), frame('twice', 0, 3, 2, 1763e9, 500));
  await log.commit(batch);
}
await log.close();
// One bit of the quiet stream's only frame, which is carried as damaged when its segment goes.
const [first] = readdirSync(folder).filter((name) => name.endsWith('.segment'));
const bytes = readFileSync(join(folder, first));
const at = bytes.indexOf(Buffer.from(Float32Array.of(5 / 8, 5 / 8 + 1).buffer));
bytes[at] ^= 1;
writeFileSync(join(folder, first), bytes);
log = await segmentLog(folder, { ...options, doubt: 'new-epoch' });
await log.trim({ maxBytes: 7000, keepSamples: 40 });
await log.commit([begin('new', 6, [{ name: 'x', offset: 0 }], 10), frame('new', 0, 1, 1, 1763e9, 100)]);
await log.close();
