import { defineConfig } from 'vitest/config';

// The high counts of `npm run milestone` take minutes a test, not seconds.
const milestone = process.env.FIRTREND_MILESTONE === '1';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Those run by `npm run test:faults`, with a configuration of their own.
    exclude: ['test/faults/**'],
    // Tests that load onnxruntime-node themselves: it would report them to its maker (src/filter/onnxruntime.ts).
    env: { ORT_DISABLE_TELEMETRY: '1' },
    globalSetup: 'test/support/build.ts',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: milestone ? 3_600_000 : 60_000,
    hookTimeout: 120_000,
  },
});
