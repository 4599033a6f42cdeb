/**
 * `npm run proof [-- grid|walk|losses|forum …]`: what the trainer promises, shown whole; tables in Markdown, which
 * docs/training.md keeps. `npm test` shows a slice of it.
 */
import { cpus } from 'node:os';
import { proveForum } from './proof/forum.ts';
import { proveGrid } from './proof/grid.ts';
import { proveLosses } from './proof/losses.ts';
import { proveWalk } from './proof/walk.ts';

const proofs = { grid: proveGrid, walk: proveWalk, losses: proveLosses, forum: proveForum } as const;

const asked = process.argv.slice(2);
const known = Object.keys(proofs) as (keyof typeof proofs)[];
const unknown = asked.filter((name) => !known.includes(name as keyof typeof proofs));
if (unknown.length > 0) {
  console.error(`proof: expected ${known.join(', ')}, got ${unknown.join(', ')}`);
  process.exit(2);
}
console.log(
  `${cpus()[0]?.model} (${cpus().length} threads), Node ${process.version}, ${new Date().toISOString()}`,
);
for (const name of known) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const { text, holds } = await proofs[name]();
  console.log(`\n## ${name}\n\n${text}`);
  if (!holds) process.exitCode = 1;
}
