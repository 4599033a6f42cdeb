import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root, serveProcess } from '../support/command.ts';
import { post } from '../support/http.ts';
import { temporaryFolder } from '../support/models.ts';
import { rawClient } from '../support/rawClient.ts';

/* deploy/firtrend.service, as systemd itself judges it; and the daemon within what the unit leaves it. */

const unit = readFileSync(join(root, 'deploy/firtrend.service'), 'utf8');
const has = (tool: string, asked: string): boolean => spawnSync(tool, [asked]).status === 0;
const systemd = has('systemd-analyze', '--version');
const strace = has('strace', '-V');
const titled = (title: string, skips: readonly (readonly [boolean, string])[]): string =>
  [title, ...skips.filter(([there]) => !there).map(([, tool]) => `[skipped: no ${tool}]`)].join(' ');

/** The unit as a file whose commands are there: node lies elsewhere here. */
async function unitFile(text: string = unit): Promise<string> {
  const file = join(await temporaryFolder(), 'firtrend.service');
  writeFileSync(file, text.replace('/usr/bin/node', process.execPath));
  return file;
}

const analyze = (...args: string[]) => spawnSync('systemd-analyze', args, { encoding: 'utf8' });

describe('deploy/firtrend.service', () => {
  test.skipIf(!systemd)(
    titled('is a unit that systemd takes without a word', [[systemd, 'systemd-analyze']]),
    async () => {
      const { status, stdout, stderr } = analyze('verify', await unitFile());
      expect(`${stdout}${stderr}`).toBe('');
      expect(status).toBe(0);
      // It can tell.
      expect(analyze('verify', await unitFile(`${unit}\n[Service]\nRestrat=no\n`)).stderr).toMatch(/Restrat/);
    },
  );

  test.skipIf(!systemd)(
    titled('exposes no more than 2.0 by its own reckoning', [[systemd, 'systemd-analyze']]),
    async () => {
      const judge = (file: string) => analyze('security', '--offline=true', '--threshold=20', file);
      const { status, stdout } = judge(await unitFile());
      expect(status, stdout).toBe(0);
      expect(stdout).toMatch(/Overall exposure level for firtrend\.service: [01]\.\d/);
      expect(judge(await unitFile(unit.replace(/^SystemCallFilter=.*$/gm, ''))).status).not.toBe(0);
    },
  );

  test.skipIf(!systemd || !strace)(
    titled('lets the daemon make every system call that it makes', [
      [systemd, 'systemd-analyze'],
      [strace, 'strace'],
    ]),
    async () => {
      const allowed = allowedCalls();
      // Calls that a sandboxed daemon must not make are refused by these very lines.
      expect(allowed.has('mount')).toBe(false);
      expect(allowed.has('fdatasync')).toBe(true);
      const trace = join(await temporaryFolder(), 'trace');
      const daemon = await serveProcess(['--model', 'gait'], {
        through: ['strace', '-D', '-f', '-qq', '-e', 'signal=none', '-s', '0', '-o', trace],
      });
      const client = await rawClient(daemon.url);
      await client.ask({ type: 'subscribe', streams: ['s'], fields: ['trend'], mode: 'lossless' });
      const samples = { channels: [{ name: 'x' }], rate: 64, values: [[1, 2, 3]] };
      expect(await post(daemon.url, '/v1/streams/s/samples', samples)).toMatchObject({ status: 200 });
      await client.until(({ type }) => type === 'trend');
      await fetch(daemon.url.replace(/^ws(.*)\/v1$/, 'http$1/metrics'));
      client.socket.close();
      expect(await daemon.stop()).toBe(0);
      // V8 asks for a key once, before anything, and does without.
      allowed.add('pkey_alloc');
      const made = new Set(
        [...readFileSync(trace, 'utf8').matchAll(/^\d+\s+(?:<\.\.\. )?(\w+)[( ]/gm)].map(([, name]) => name!),
      );
      expect(made.has('fdatasync') && made.has('accept4')).toBe(true);
      expect([...made].filter((name) => !allowed.has(name))).toEqual([]);
    },
  );

  test('restarts after failure and not after misuse, reads its configuration anew by the signal the daemon knows', () => {
    expect(unit).toMatch(/^Restart=on-failure$/m);
    expect(unit).toMatch(/^RestartPreventExitStatus=2$/m);
    expect(unit).toMatch(/^ExecReload=\/bin\/kill -HUP \$MAINPID$/m);
    const stop = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)![1]);
    expect(stop).toBeGreaterThan(10 + 5);
  });
});

/** Names that `SystemCallFilter=` leaves: systemd tells what is in its sets. */
function allowedCalls(): Set<string> {
  const lines = [...unit.matchAll(/^SystemCallFilter=(~?)(.+)$/gm)];
  const allowed = new Set<string>();
  for (const [, not, list] of lines) {
    for (const name of list!.split(' ').flatMap(expanded)) {
      if (not === '') allowed.add(name);
      else allowed.delete(name);
    }
  }
  // Always allowed, whatever the filter says (systemd.exec(5)).
  for (const name of expanded('@default')) allowed.add(name);
  return allowed;
}

function expanded(name: string): string[] {
  if (!name.startsWith('@')) return [name];
  const text = execFileSync('systemd-analyze', ['syscall-filter', name], { encoding: 'utf8' });
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap(expanded);
}
