import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { promote } from '../../src/model/repository.ts';
import { hostileModels } from '../model/hostileModels.ts';
import { counts } from '../support/counts.ts';
import { gauges } from '../support/gauges.ts';
import { http } from '../support/http.ts';
import { mustNotRise, pairs, reached, station } from '../support/station.ts';

/* Files that are no models come into the repository of a daemon at work, one after another, each promoted. */

const shape = { stream: 'load/a', channels: 8, rows: 16 } as const;
const times = counts(1, 20);
const rounds = counts(7, 41);
const watch = ['--set', 'watchInterval=50ms', '--set', 'retention.bytes=16MiB'];

test(`${times * hostileModels.length} hostile models: refused by name, the one in force stays, latency and memory unmoved`, async () => {
  const [attacked, other] = [await station(shape, watch), await station(shape, watch)];
  const { daemon, models } = attacked;
  const alike = await pairs(attacked, other, rounds);
  const before = await gauges(daemon.url);
  /** The other daemon is asked as often: what asking costs is not the models' doing. */
  const ready = async () => {
    const [answer] = await Promise.all([daemon, other.daemon].map(({ url }) => http(url, '/readyz')));
    return answer!.json;
  };
  let version = 1;
  const wrong: string[] = [];

  async function attack(): Promise<void> {
    for (let time = 0; time < times; time++) {
      for (const { name, message, bytes } of hostileModels) {
        version++;
        await mkdir(join(models, 'test', String(version)));
        await writeFile(join(models, 'test', String(version), 'model.onnx'), bytes);
        await promote(models, 'test', version);
        let status: { version: number; problem: string | null } = { version: 1, problem: null };
        const until = performance.now() + 10_000;
        // The refusal names the version, and the check that it does not pass.
        while (!status.problem?.includes(`/test/${version}/`) && performance.now() < until) {
          await sleep(20);
          status = (await ready()).models[0];
        }
        if (status.version !== 1 || !message.test(status.problem ?? ''))
          wrong.push(`${name}: ${JSON.stringify(status)}`);
      }
    }
  }

  const attacking = attack();
  const compared = await pairs(attacked, other, rounds);
  await attacking;
  expect(wrong).toEqual([]);
  attacked.source.send(1);
  await reached(attacked.readers, attacked.source);
  for (const { faults } of attacked.readers) expect(faults).toEqual([]);
  expect(await ready()).toMatchObject({ models: [{ name: 'test', version: 1 }] });
  const after = await gauges(daemon.url);
  const grown = (after.residentBytes - before.residentBytes) / 2 ** 20;
  process.stdout.write(
    `hostile models: ${version - 1} refused, resident memory grew by ${grown.toFixed(1)} MiB\n`,
  );
  expect(grown).toBeLessThan(64);
  // Requests over HTTP keep their connections for a while.
  await expect
    .poll(async () => (await gauges(daemon.url)).descriptors, { timeout: 15_000 })
    .toBeLessThanOrEqual(before.descriptors);
  mustNotRise(alike, compared, 'hostile models');
  expect(await daemon.stop()).toBe(0);
});
