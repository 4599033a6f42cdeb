#!/usr/bin/env node
import { run } from './run.ts';

// Whoever reads our output may have seen enough (`firtrend tail … | head`): that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

// The only place that ends the process, besides the two commands that wait for signals (serve, tail) returning here.
process.exit(await run(process.argv.slice(2)));
