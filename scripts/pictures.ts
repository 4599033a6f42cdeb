/** Draws the pictures of docs/choosing.md and prints their figures: `npm run pictures [periods|lengths|lags|limits]`. */
import { cleanUp, lags, lengths, limits, periods } from './picture/choosing.ts';

const all = { periods, lengths, lags, limits };
const asked = process.argv.slice(2);
for (const [name, draw] of Object.entries(all)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n${name}`);
  await draw();
}
cleanUp();
