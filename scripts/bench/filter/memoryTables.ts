import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { table } from '../measure.ts';
import type { MemoryFigures } from './memory.ts';

const script = fileURLToPath(new URL('memory.ts', import.meta.url));

export async function benchMemory(
  quick: boolean,
): Promise<{ streams: string; reloads: string; allocation: string }> {
  // V8's young generation stays as small as it begins: its growth would be taken for a leak.
  const args = [
    '--expose-gc',
    '--max-semi-space-size=1',
    '--import',
    'tsx',
    script,
    ...(quick ? ['--quick'] : []),
  ];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { allocation, streams, reloads } = JSON.parse(stdout) as MemoryFigures;
  const [count, last] = reloads.at(-1)!;
  const after = (part: number) => reloads[Math.round((reloads.length - 1) * part)]!;
  const growth = (part: number): string => {
    const [from, bytes] = after(part);
    return ((last - bytes) / (count - from) / 1000).toFixed(1);
  };
  return {
    allocation: table(
      ['channels × rows', 'JavaScript heap (bytes a call)', 'array buffers', 'of these the trends'],
      allocation.map(({ what, heap, buffers, trends }) => [what, heap, buffers, trends]),
    ),
    streams: table(
      ['K', 'streams of 8 channels', 'a stream (bytes)', 'its window', 'allowed: 2 windows + 4 KiB'],
      streams.map(({ K, count: many, perStream, window }) => [K, many, perStream, window, 2 * window + 4096]),
    ),
    reloads: table(
      [
        'reloads',
        'resident after a tenth (MB)',
        'at the end (MB)',
        'kB a reload',
        'in the second half',
        'in the last quarter',
      ],
      [
        [
          count,
          (after(0.1)[1] / 1e6).toFixed(1),
          (last / 1e6).toFixed(1),
          growth(0.1),
          growth(0.5),
          growth(0.75),
        ],
      ],
    ),
  };
}
