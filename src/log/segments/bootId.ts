import { readFile } from 'node:fs/promises';

/**
 * Names this life of the machine: another one means that writes which were not synced may be lost. Linux tells it.
 *
 * @returns undefined on other systems: there every start counts as another life
 */
export async function readBootId(): Promise<string | undefined> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  } catch {
    return undefined;
  }
}
