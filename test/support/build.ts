import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Tests that run the commands run what is in `dist/`: it must be what is in `src/`. */
export function setup(): void {
  execFileSync(
    process.execPath,
    [fileURLToPath(new URL('../../scripts/setup.mjs', import.meta.url)), '--build'],
    {
      stdio: 'inherit',
    },
  );
}
