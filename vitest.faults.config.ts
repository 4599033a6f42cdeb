import { defineConfig } from 'vitest/config';

// The high counts of `npm run milestone` take minutes a test, not seconds.
const milestone = process.env.FIRTREND_MILESTONE === '1';

/** `npm run test:faults`: what kills, breaks and cuts. */
export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    globalSetup: 'test/support/build.ts',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: milestone ? 3 * 3_600_000 : 300_000,
    hookTimeout: 120_000,
  },
});
