/**
 * `npm run bench [-- filter|daemon …]`: prints tables in Markdown; docs/benchmarks.md keeps a run. Machines are noisy:
 * ratios within one run count, not times.
 */
import { cpus } from 'node:os';
import { benchDaemon } from './bench/daemon.ts';
import { benchFilter } from './bench/filter.ts';

const benches = { filter: benchFilter, daemon: benchDaemon } as const;

const asked = process.argv.slice(2);
const known = Object.keys(benches) as (keyof typeof benches)[];
const unknown = asked.filter((name) => !known.includes(name as keyof typeof benches));
if (unknown.length > 0) {
  console.error(`bench: expected ${known.join(', ')}, got ${unknown.join(', ')}`);
  process.exit(2);
}
console.log(
  `${cpus()[0]?.model} (${cpus().length} threads), Node ${process.version}, ${new Date().toISOString()}`,
);
for (const name of known) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n## ${name}\n\n${await benches[name]()}`);
}
