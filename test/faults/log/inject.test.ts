import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { after, emptyLedger, type Life, problems } from './ledger.ts';
import { logProcess, startProcess } from './runProcess.ts';

const strace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
const keepSamples = 16;
// A few segments, index files, removals and carried samples.
const options = {
  commits: 10,
  seed: 7,
  keepSamples,
  rows: 20,
  segmentBytes: 2048,
  maxBytes: 5000,
  retryDelay: 5,
};
/** What the log does to the disk, all of it on the one thread of the pool. */
const calls = ['pwrite64', 'fdatasync', 'fsync', 'rename', 'unlink'] as const;
type Call = (typeof calls)[number];
const lanes = 3;

interface Run {
  readonly life: Life;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly errors: string;
  readonly trace: string;
}

/** A life of the log process under strace, on an empty folder, and another one without. */
async function run(injections: readonly string[]): Promise<Run & { readonly wrong: string[] }> {
  const root = await mkdtemp(join(tmpdir(), 'firtrend-inject-'));
  const folder = join(root, 'log');
  const traceFile = join(root, 'trace');
  const inject = injections.flatMap((each) => ['-e', `inject=${each}`]);
  const traced = ['strace', '-f', '-qq', '-o', traceFile, '-e', `trace=${calls.join()},ftruncate`, ...inject];
  const ended = await startProcess([...traced, ...logProcess(folder, options)], {
    UV_THREADPOOL_SIZE: '1',
  }).end();
  const again = await startProcess(logProcess(folder, { ...options, commits: 2, seed: 8 })).end();
  const once = await startProcess(logProcess(folder, { ...options, commits: 0 })).end();
  const ledger = after(emptyLedger, { ...ended.life, found: ended.life.found ?? {} });
  const wrong = [
    ...(again.life.found
      ? problems(ledger, again.life.found, keepSamples)
      : [`not opened again: ${again.errors}`]),
    ...(again.life.closed ? [] : [`not closed again: ${again.errors}`]),
    ...problems(after(ledger, again.life), once.life.found ?? {}, keepSamples),
  ];
  const trace = await readFile(traceFile, 'utf8');
  await rm(root, { recursive: true });
  return { ...ended, trace, wrong };
}

/** Runs all, a few at a time. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const lane = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

test.skipIf(!strace)(
  `a kill, EIO or ENOSPC at every write, sync, rename and removal${strace ? '' : ' [skipped: no strace]'}`,
  { timeout: 900_000 },
  async () => {
    const began = performance.now();
    const clean = await run([]);
    expect([clean.wrong, clean.life.closed, clean.code], clean.errors).toEqual([[], true, 0]);
    const counts = new Map(calls.map((call) => [call, clean.trace.split(`${call}(`).length - 1]));
    for (const call of calls) expect(counts.get(call), call).toBeGreaterThan(2);

    const cases = calls.flatMap((call) =>
      Array.from({ length: counts.get(call)! }, (_, i) => i + 1).flatMap((when) =>
        (call === 'pwrite64'
          ? ['signal=KILL', 'error=EIO', 'error=ENOSPC']
          : ['signal=KILL', 'error=EIO']
        ).map((fault) => ({ call, when, fault })),
      ),
    );
    let stopped = 0;
    await each(cases, async ({ call, when, fault }: { call: Call; when: number; fault: string }) => {
      const injection = `${call}:${fault}:when=${when}`;
      const { life, code, signal, errors, trace, wrong } = await run([injection]);
      const where = `${injection}: ${errors}`;
      expect(wrong, where).toEqual([]);
      if (fault === 'signal=KILL') {
        expect(trace, where).toContain('killed by SIGKILL');
        expect([signal, life.closed], where).toEqual(['SIGKILL', false]);
        return;
      }
      expect(trace, where).toContain('(INJECTED)');
      if (fault === 'error=ENOSPC') {
        // Tried again, or before the log was opened.
        expect(life.found ? life.closed && life.broken === undefined : code !== 0, where).toBe(true);
        return;
      }
      // Each commit, and the start before them, has a sync of its own: those before the failed one are acknowledged.
      if (call === 'fdatasync') expect(life.commits, where).toBeLessThan(when);
      expect(code, where).not.toBe(0);
      if (life.found && life.broken !== undefined) expect(life.broken, where).toBe('logBroken EIO');
      stopped++;
    });
    process.stdout.write(
      `log injections: ${cases.length} (${calls.map((call) => `${call} ${counts.get(call)}`).join(', ')}), ${stopped} ended the process, ${((performance.now() - began) / 1000).toFixed(0)} s\n`,
    );
  },
);

test.skipIf(!strace)(
  `a full disk that cannot be cut back ends the log; one that stays full holds commits back${strace ? '' : ' [skipped: no strace]'}`,
  async () => {
    const cut = await run(['pwrite64:error=ENOSPC:when=5', 'ftruncate:error=EIO:when=2']);
    expect(cut.trace.match(/\(INJECTED\)/g)).toHaveLength(2);
    expect([cut.wrong, cut.life.broken]).toEqual([[], 'logBroken EIO']);
    const full = await run(['pwrite64:error=ENOSPC:when=6..40']);
    expect(full.trace.match(/\(INJECTED\)/g)!.length).toBeGreaterThan(20);
    expect([full.wrong, full.life.closed, full.life.full > 0]).toEqual([[], true, true]);
  },
);
