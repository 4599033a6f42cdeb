import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { root } from '../support/command.ts';

it('is under 12 kB for a browser, minified and gzipped', async () => {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/client/client.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    // Only where there is no WebSocket.
    external: ['ws'],
    write: false,
  });
  const bytes = gzipSync(outputFiles[0]!.contents, { level: 9 }).byteLength;
  expect(bytes).toBeGreaterThan(5000);
  expect(bytes).toBeLessThan(12_000);
});
