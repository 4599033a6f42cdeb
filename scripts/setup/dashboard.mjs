/** dist/dashboard/: the page that the daemon serves, and the client library as one module for other pages. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { modules } from './paths.mjs';
import { step } from './run.mjs';

export const dashboardFiles = ['index.html', 'favicon.svg', 'dashboard.css', 'dashboard.js', 'client.js'];

/**
 * @param {string} source  src/
 * @param {string} out
 */
export async function bundleDashboard(source, out) {
  await step('dashboard', async () => {
    // Imported only here: setup itself must run before any package is installed.
    const { build } = await import('esbuild');
    const shared = {
      bundle: true,
      minify: true,
      format: /** @type {const} */ ('esm'),
      platform: /** @type {const} */ ('browser'),
      target: 'es2022',
      charset: /** @type {const} */ ('utf8'),
      legalComments: /** @type {const} */ ('none'),
      logLevel: /** @type {const} */ ('silent'),
      // Only where there is no WebSocket, which no browser lacks.
      external: ['ws'],
    };
    mkdirSync(out, { recursive: true });
    await build({
      ...shared,
      entryPoints: [join(source, 'dashboard/main.ts')],
      outfile: join(out, 'dashboard.js'),
    });
    await build({
      ...shared,
      entryPoints: [join(source, 'client/client.ts')],
      outfile: join(out, 'client.js'),
    });
    for (const name of ['index.html', 'favicon.svg'])
      copyFileSync(join(source, 'dashboard', name), join(out, name));
    const styles = [join(modules, 'uplot/dist/uPlot.min.css'), join(source, 'dashboard/style.css')];
    writeFileSync(join(out, 'dashboard.css'), styles.map((file) => readFileSync(file, 'utf8')).join('\n'));
    return { ok: true };
  });
}
