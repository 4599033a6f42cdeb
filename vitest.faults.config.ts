import { defineConfig } from 'vitest/config';

/** `npm run test:faults`: what kills, breaks and cuts. Runs after `npm test`, on what that has built. */
export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    globalSetup: 'test/support/build.ts',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
