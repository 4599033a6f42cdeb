import { defineConfig } from 'vitest/config';
import everyday from './vitest.config.ts';

/** `npm run test:faults`: what faults cost, by processes that are killed, loaded and lied to. */
export default defineConfig({
  test: {
    ...everyday.test,
    include: ['test/faults/**/*.test.ts'],
    exclude: [],
    maxWorkers: 1,
    testTimeout: Math.max(300_000, everyday.test?.testTimeout ?? 0),
  },
});
