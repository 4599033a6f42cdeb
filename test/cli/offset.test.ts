import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../../src/client/client.ts';
import { firtrend, serveProcess } from '../support/command.ts';
import { repositoryWith, temporaryFolder } from '../support/models.ts';

/** A pressure in Pa: float32 numbers of its size are 1/128 apart, and it moves by less than 0.05 a sample. */
const pressure = Array.from({ length: 400 }, (_, n) => 101325 + 2 * Math.sin(n / 50));
const csv = `time,p\n${pressure.map((p, n) => `${n / 10},${p}`).join('\n')}\n`;
const average = new Float32Array(4).fill(0.25);
/** What the mean of four samples is, in float64. */
const expected = pressure.map((_, n) => {
  const window = pressure.slice(Math.max(0, n - 3), n + 1);
  return window.reduce((sum, p) => sum + p, 0) / window.length;
});
/** With the figures: the spacing at the largest value, its share of the usual step, and that step. */
const warning =
  /^warning: channel "p": float32 numbers near its largest value 101326\.99\d+ are 0\.00781 apart, 2\d\.\d % of its median step of 0\.02\d+; subtract a level with --offset first$/m;

async function prepared(): Promise<{ models: string; file: string }> {
  const file = join(await temporaryFolder(), 'pressure.csv');
  await writeFile(file, csv);
  return { models: await repositoryWith(average), file };
}

const worst = (trends: readonly number[]): number =>
  trends.reduce((most, trend, n) => Math.max(most, Math.abs(trend - expected[n]!)), 0);

test.each([
  ['none', [], 0.036],
  ['0', ['--offset', '0'], 0.036],
  ['first', ['--offset', 'first'], 1e-6],
  ['a number', ['--offset', '101000.5'], 1e-4],
] as const)(
  'apply with an offset of %s warns where float32 is too coarse, and puts it back in float64',
  async (name, flags, bound) => {
    const { models, file } = await prepared();
    const out = join(await temporaryFolder(), 'trends.csv');
    const { code, stderr } = await firtrend([
      'apply',
      'test',
      file,
      '--models',
      models,
      '--out',
      out,
      ...flags,
    ]);
    expect(code, stderr).toBe(0);
    if (name === 'none' || name === '0') expect(stderr).toMatch(warning);
    else expect(stderr).not.toContain('warning');
    const trends = (await readFile(out, 'utf8'))
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => Number(line.split(',')[1]));
    expect(trends).toHaveLength(400);
    expect(worst(trends)).toBeLessThan(bound);
    // The bound is not idle: without an offset the rounding shows.
    if (bound === 0.036) expect(worst(trends)).toBeGreaterThan(1e-4);
  },
);

test('an offset for each channel has to be one for each channel', async () => {
  const { models, file } = await prepared();
  const { code, stderr } = await firtrend([
    'apply',
    'test',
    file,
    '--models',
    models,
    '--out',
    '-',
    '--offset',
    '1,2',
  ]);
  expect(code).toBe(1);
  expect(stderr).toContain('offset: expected one number or 1, one for each of p, got 2');
});

test('train warns likewise, and with an offset learns what float32 can hold', async () => {
  const { models, file } = await prepared();
  const options = ['--models', models, '--target', 'forecast:1', '--taps', '5', '--holdout', '0', '--json'];
  const plain = await firtrend(['train', file, '--name', 'plain', ...options]);
  expect(plain.code, plain.stderr).toBe(0);
  expect(plain.stderr).toMatch(warning);
  const level = await firtrend(['train', file, '--name', 'level', '--offset', 'first', ...options]);
  expect(level.code, level.stderr).toBe(0);
  expect(level.stderr).not.toContain('float32');
});

test('replay opens the stream with its offset, subscribers see it, and the true trend is offset + trend', async () => {
  const { models, file } = await prepared();
  const daemon = await serveProcess(['--model', 'test', '--models', models]);
  const client = await connect(daemon.url);
  onTestFinished(() => client.close());
  const subscription = await client.subscribe({ streams: '**' });
  const replay = (stream: string, ...flags: string[]) =>
    firtrend(['replay', file, '--url', daemon.url, '--stream', stream, '--speed', 'max', ...flags]);
  const plain = await replay('plain');
  expect([plain.code, plain.stderr]).toEqual([0, expect.stringMatching(warning)]);
  const level = await replay('level', '--offset', 'first');
  expect([level.code, level.stderr.includes('warning')]).toEqual([0, false]);
  const offsets = new Map<string, number>();
  const trends = new Map<string, number[]>([
    ['plain', []],
    ['level', []],
  ]);
  for await (const event of subscription) {
    if (event.type === 'added') {
      for (const { name, channels } of event.streams) offsets.set(name, channels[0]!.offset);
    }
    if (event.type === 'trend') {
      const { name } = event;
      trends.get(name)!.push(...[...event.trend!].map((trend) => offsets.get(name)! + trend));
      if ([...trends.values()].every(({ length }) => length === 400)) break;
    }
  }
  expect(Object.fromEntries(offsets)).toEqual({ plain: 0, level: 101325 });
  expect(worst(trends.get('plain')!)).toBeGreaterThan(1e-4);
  expect(worst(trends.get('level')!)).toBeLessThan(1e-6);
  expect((await client.streams('level'))[0]!.channels).toEqual([{ name: 'p', offset: 101325 }]);
  await client.close();
  await daemon.stop();
});
