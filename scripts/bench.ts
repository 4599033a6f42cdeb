/**
 * `npm run bench [-- filter|log|training|daemon|dashboard … --quick --write]`: prints tables in Markdown; `--write` puts them in
 * docs/benchmarks.md, in the section of their name. Machines are noisy: ratios within one run count, not times.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { benchDaemon } from './bench/daemon.ts';
import { benchDashboard } from './bench/dashboard.ts';
import { benchFilter } from './bench/filter.ts';
import { benchLog } from './bench/log.ts';
import { withTables } from './bench/report.ts';
import { benchTraining } from './bench/training.ts';

const benches: Readonly<Record<string, (quick: boolean) => Promise<string>>> = {
  filter: benchFilter,
  log: benchLog,
  training: benchTraining,
  daemon: benchDaemon,
  dashboard: benchDashboard,
};
const document = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));

const given = process.argv.slice(2);
const asked = given.filter((name) => !name.startsWith('--'));
const known = [...Object.keys(benches), '--quick', '--write'];
const unknown = given.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`bench: expected ${known.join(', ')}, got ${unknown.join(', ')}`);
  process.exit(2);
}
const machine = `${cpus()[0]?.model} (${cpus().length} threads), Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`;
console.log(machine);
for (const [name, bench] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const tables = await bench(given.includes('--quick'));
  console.log(`\n## ${name}\n\n${tables}`);
  if (given.includes('--write')) {
    writeFileSync(document, withTables(readFileSync(document, 'utf8'), name, `${machine}.\n\n${tables}`));
  }
}
