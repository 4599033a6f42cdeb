import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeModel } from '../../../src/model/encodeModel.ts';
import { promote, publish } from '../../../src/model/repository.ts';
import { trendModel } from '../../../src/model/trendModel.ts';
import { root } from '../../support/command.ts';
import { counts, seed } from '../../support/counts.ts';
import { repositoryWith, sampleTaps, temporaryFolder } from '../../support/models.ts';
import { pythonPath, whyNoPython } from '../../support/python.ts';
import { rig } from './rig.ts';

/*
 * The daemon is killed at random moments while a producer and a subscriber are at work, and what they were told is held
 * against what a daemon says that was never killed.
 */

const kills = counts(50, 500);
const swaps = 3;
const skipped = pythonPath() ? '' : ` [skipped: ${whyNoPython()}]`;

/** `test@1` to `test@4`, kernels of other lengths. */
async function repository(): Promise<string> {
  const models = await repositoryWith(sampleTaps(33));
  for (const length of [129, 17, 65].slice(0, swaps)) {
    const kernels = [{ taps: Float64Array.from(sampleTaps(length)), bias: 0 }];
    await publish(models, 'test', encodeModel(trendModel({ kernels })));
  }
  return models;
}

const serving = (models: string): string[] => [
  ...['--models', models, '--model', 'test', '--set', 'watchInterval=50ms'],
  ...['--set', 'logLevel=warn'],
];

test.skipIf(!pythonPath())(
  `${kills} × kill -9 (seed ${seed}): nothing acknowledged is lost, no seq has two values, all bits those of an undisturbed run${skipped}`,
  async () => {
    const folder = await temporaryFolder();
    const [models, others] = [await repository(), await repository()];
    const log = `file:${join(folder, 'log')}`;
    const crash = await rig({ folder, seed, serve: serving(models), log });
    for (let i = 0, version = 1; i < kills; i++) {
      await crash.kill();
      if (version > swaps || i + 1 < (version * kills) / (swaps + 1)) continue;
      version++;
      await crash.swap(version, () => promote(models, 'test', version));
    }
    await crash.finish();
    await crash.undisturbed(serving(others), (i) => promote(others, 'test', i + 2));
    const verdict = await crash.check();
    process.stdout.write(`crash rig: ${JSON.stringify(verdict)}\n`);
    expect(verdict.wrong).toEqual([]);
    expect(verdict.kernels).toBe(3 * (swaps + 1));
    expect(verdict.gaps).toBeGreaterThan(0);
    expect(verdict.compared).toBe(2 * verdict.rows);
    expect(verdict.cuts.with + verdict.cuts.without).toBe(kills);
    expect(verdict.cuts.with).toBeGreaterThanOrEqual(0.9 * kills);
  },
  3_600_000,
);

/** What stands in the built daemon between a batch and its release; the broken ones have something else there. */
const honest = 'const [made] = await Promise.all([maker.make(records), log.commit(records)]);';
/** Where a batch is of samples alone, the commit comes later, after those before it. */
const later = (now: string, afterwards: string, release: string): string => `
            if (records.every((record) => record.type === 'samples')) {
                const committed = globalThis.committed ?? Promise.resolve();
                const ready = (globalThis.ready ??= []);
                ${now}
                globalThis.committed = committed.then(async () => {
                    await new Promise((resolve) => setTimeout(resolve, 40));
                    ${afterwards}
                });
                return ready.splice(0).concat(${release});
            }
            await globalThis.committed;
            ${honest}`;

/** The built daemon with another text in place of `honest`. @returns its entry point */
async function brokenDaemon(text: string): Promise<string> {
  const folder = await temporaryFolder();
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const file = join(folder, 'dist/daemon/ingest/ingest.js');
  const [before, after, ...more] = readFileSync(file, 'utf8').split(honest);
  expect([after !== undefined, more.length]).toEqual([true, 0]);
  writeFileSync(file, before + text + after);
  return join(folder, 'dist/cli/main.js');
}

/** Kills a daemon until one of its clients complains, or so many times. */
async function complaintsOf(main: string) {
  const folder = await temporaryFolder();
  const models = await repository();
  const options = { folder, seed, serve: serving(models), main, log: `file:${join(folder, 'log')}` };
  const crash = await rig(options);
  for (let i = 0; i < 12; i++) {
    // A client that has found something wrong ends.
    const ended = await crash.kill().catch((error: Error) => error);
    const complaints = await crash.complaints();
    if (ended || complaints.producer.length + complaints.subscriber.length > 0) return complaints;
  }
  return crash.complaints();
}

describe.skipIf(!pythonPath())(`the rig finds out a daemon${skipped}`, () => {
  test('that acknowledges before its commit', async () => {
    const text = later(
      '',
      "const [made] = await Promise.all([maker.make(records), log.commit(records)]); ready.push({ type: 'made', made });",
      'replies',
    );
    const { producer } = await complaintsOf(await brokenDaemon(text));
    expect(producer[0]).toMatch(/acknowledged up to \d+/);
  });

  test('that publishes before its commit', async () => {
    const text = later(
      'const made = await maker.make(records);',
      'await log.commit(records); ready.push(...replies);',
      "[{ type: 'made', made }]",
    );
    const { producer, subscriber } = await complaintsOf(await brokenDaemon(text));
    expect(producer).toEqual([]);
    expect(subscriber[0]).toMatch(/seqAboveHead|again/);
  });
});
