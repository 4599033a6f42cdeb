import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { root, serveProcess } from '../support/command.ts';
import { http } from '../support/http.ts';
import { temporaryFolder } from '../support/models.ts';

/* The package as somebody gets it who has no checkout: packed, installed from the registry that npm is set up for, served. */

const run = promisify(execFile);

/** What `npm test` itself tells its children must not configure the npm of the test: nothing but where the registry is. */
const outer = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|FIRTREND_|NODE_OPTIONS|VITEST)/i.test(name)),
);
const { stdout: settings } = await run('npm', ['config', 'list', '--json'], { env: outer, cwd: '/' });
const { registry, userconfig } = JSON.parse(settings) as Record<string, string>;
const npmEnvironment = {
  ...outer,
  npm_config_registry: registry,
  npm_config_userconfig: userconfig,
  npm_config_update_notifier: 'false',
};
const reached = await run('npm', ['ping', '--fetch-retries=0', '--fetch-timeout=5000'], {
  env: npmEnvironment,
  cwd: '/',
}).then(
  () => true,
  () => false,
);

const title =
  'packed, installed into an empty folder with an empty cache, it serves the shipped model without TensorFlow';

test.skipIf(!reached)(
  reached ? title : `${title} [skipped: no npm registry]`,
  { timeout: 120_000 },
  async () => {
    const place = await temporaryFolder();
    const env = { ...npmEnvironment, npm_config_cache: join(place, 'cache') };
    const npm = (...args: string[]) => run('npm', args, { env, cwd: place });
    const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', place], {
      env,
      cwd: root,
    });
    const { filename } = JSON.parse(stdout)[0] as { filename: string };
    // As docs/deploying.md says it.
    await npm('install', '--ignore-scripts', '--omit=optional', `./${filename}`);
    expect(existsSync(join(place, 'node_modules/onnxruntime-node'))).toBe(true);
    for (const name of ['@tensorflow', 'echarts', 'typescript']) {
      expect(existsSync(join(place, 'node_modules', name)), name).toBe(false);
    }
    // Where install scripts are wanted for other packages: this keeps ONNX Runtime's from fetching CUDA.
    await run('npm', ['rebuild', '--ignore-scripts=false'], {
      env: { ...env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
      cwd: place,
    });

    const main = join(place, 'node_modules/.bin/firtrend');
    const { stdout: listed } = await run(main, ['models', 'list'], { cwd: place });
    expect(listed).toBe('no models in models\ngait ships with firtrend\n');
    const daemon = await serveProcess(['--model', 'gait'], { cwd: place, main });
    const { json } = await http(daemon.url, '/readyz');
    expect(json).toMatchObject({ ready: true, models: [{ name: 'gait', version: 1, problem: null }] });
    expect((await fetch(daemon.url.replace(/^ws(.*)\/v1$/, 'http$1/'))).status).toBe(200);

    writeFileSync(
      join(place, 'own.mjs'),
      `import { connect } from 'firtrend/client';
     const client = await connect('${daemon.url}');
     const subscription = await client.subscribe({ streams: 'a' });
     const producer = await client.open({ stream: 'a', channels: [{ name: 'x' }], rate: 64 });
     await producer.send({ values: [[2.5, 2.5, null, 2.5]] });
     for await (const event of subscription) if (event.type === 'trend') { console.log([...event.trend].join()); break; }
     await client.close();`,
    );
    // A weighted mean of equal samples is that sample, to the rounding that is promised for 65 taps.
    const own = await run(process.execPath, ['own.mjs'], { cwd: place });
    const trends = own.stdout.trim().split(',').map(Number);
    expect(trends).toHaveLength(4);
    for (const trend of trends) expect(Math.abs(trend - 2.5)).toBeLessThanOrEqual((65 + 2) * 2 ** -24 * 2.5);
    expect(await daemon.stop()).toBe(0);

    const refused = await run(main, ['train', 'node_modules/firtrend/recordings/gait-accelerometer.csv'], {
      cwd: place,
    }).catch((error: { stderr: string; code: number }) => error);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toMatch(/needs TensorFlow\.js.* without --omit=optional/);
  },
);
