import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serveProcess } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';

/* ONNX Runtime reports to its maker unless told otherwise, or where it takes the machine for one that tests. */

test('a daemon on a usual machine leaves no trace of telemetry, whatever the environment says', async () => {
  const home = await temporaryFolder();
  const temporary = await temporaryFolder();
  const usual = ['env', '-u', 'CI', '-u', 'TF_BUILD', '-u', 'GITHUB_ACTIONS', '-u', 'XDG_CACHE_HOME'];
  const daemon = await serveProcess(['--model', 'gait'], {
    through: [...usual, `HOME=${home}`, `TMPDIR=${temporary}`, 'ORT_DISABLE_TELEMETRY=0'],
  });
  expect(await daemon.stop()).toBe(0);
  expect(existsSync(join(home, '.cache'))).toBe(false);
  expect(readdirSync(temporary).filter((name) => name.startsWith('mat-debug'))).toEqual([]);
});
