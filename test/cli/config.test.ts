import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { keyFlags } from '../../src/cli/configFlags.ts';
import { configKeys } from '../../src/daemon/config/keys.ts';
import { firtrend, root } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';

async function written(yaml: string): Promise<string> {
  const file = join(await temporaryFolder(), 'firtrend.yaml');
  await writeFile(file, yaml);
  return file;
}

describe('firtrend config', () => {
  test('check: nothing wrong; everything wrong, exit code 1; flags alone, exit code 2', async () => {
    const good = await written(
      'model: gait\nmodels: /work/none\n'.replace('/work/none', join(root, 'models')),
    );
    expect(await firtrend(['config', 'check', '--config', good])).toEqual({
      code: 0,
      stdout: 'nothing is wrong\n',
      stderr: '',
    });
    const bad = await written('prot: 1\nlimits: { rows: 0 }\n');
    const { code, stdout, stderr } = await firtrend(['config', 'check', '--config', bad, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      problems: [/./, /./].map((r) => expect.stringMatching(r)),
    });
    expect(stderr).toBe('error: config: 2 to mend\n');
    expect(await firtrend(['config', 'check', '--set', 'limits.rows=0'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(
        'flag --set: limits.rows: expected a whole number from 1 to 65536, got 0',
      ),
    });
  });

  test('check tries addresses, certificates, keys and models', async () => {
    const file = await written(`host: 0.0.0.0
tls: { cert: none.pem, key: none.pem }
auth: { jwt: { jwks: none.json } }
streams: [{ match: '**', model: nobody }, { match: a, model: gait }]
models: ${join(root, 'models')}
`);
    const { stdout } = await firtrend(['config', 'check', '--config', file, '--json']);
    const { problems } = JSON.parse(stdout) as { problems: string[] };
    expect(problems).toHaveLength(3);
    expect(problems.join('\n')).toMatch(
      /tls\.cert.*ENOENT[\s\S]*auth\.jwt\.jwks.*ENOENT[\s\S]*"nobody".*there are: gait/,
    );
    const open = await firtrend(['config', 'check', '--host', '0.0.0.0', '--json']);
    expect(open.stdout).toMatch(/host: expected a loopback address/);
  });

  test('print: what is in force and where it comes from', async () => {
    const file = await written('port: 1\n');
    const { stdout } = await firtrend(['config', 'print', '--config', file, '--device', 'auto', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      config: { port: 1, device: 'auto', drainTimeout: '10s' },
      sources: { port: `file ${file}:1`, device: 'flag --device', drainTimeout: 'default' },
    });
    const { stdout: text } = await firtrend(['config', 'print', '--config', file]);
    expect(parse(text)).toMatchObject({ port: 1, device: 'cpu' });
  });

  test('token: printed once, with the entry that lets it in', async () => {
    const args = ['config', 'token', '--name', 'pumps', '--scope', 'publish:site/**', '--scope', 'admin'];
    const { stdout } = await firtrend([...args, '--json']);
    const { token, entry } = JSON.parse(stdout);
    expect(token).toMatch(/^frt_[\w-]{43}$/);
    expect(entry).toEqual({
      name: 'pumps',
      sha256: createHash('sha256').update(token).digest('hex'),
      scopes: ['publish:site/**', 'admin'],
    });
    const { stdout: text } = await firtrend(args);
    const [, yaml] = text.split('for the configuration:');
    const file = await written(yaml!);
    expect(await firtrend(['config', 'check', '--config', file, '--host', '0.0.0.0'])).toMatchObject({
      code: 0,
    });
    expect(await firtrend([...args, '--scope', 'publish:'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/scopes\[2\]: expected publish:PATTERN/),
    });
  });

  test('docs/configuration.md is what the schema says', async () => {
    const { stdout } = await firtrend(['config', 'reference']);
    expect(await readFile(join(root, 'docs/configuration.md'), 'utf8')).toBe(stdout);
  });

  test('the flags of serve say what the schema says', async () => {
    for (const [name, [flag, about]] of Object.entries(keyFlags)) {
      const { fallback, kind } = configKeys.find((key) => key.name === name)!;
      expect(flag.startsWith(`--${name}`)).toBe(true);
      expect(flag.includes('<')).toBe(kind !== 'boolean');
      if (typeof fallback === 'string' || typeof fallback === 'number')
        expect(about).toContain(`(default: ${fallback})`);
    }
  });

  test.each(['check', 'print', 'token', 'reference'])('%s --help has an example', async (part) => {
    const { code, stdout } = await firtrend(['config', part, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples:\n {2}\$ .*firtrend config/);
  });
});
