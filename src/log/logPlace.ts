import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where a log lies, by the text that names it: `memory`, `file` (the default folder) or `file:DIR`. */
export type LogPlace = { readonly kind: 'memory' } | { readonly kind: 'file'; readonly folder: string };

/** @returns undefined for text that names no place */
export function logPlace(text: string): LogPlace | undefined {
  if (text === 'memory') return { kind: 'memory' };
  if (text === 'file') return { kind: 'file', folder: defaultLogFolder() };
  if (text.startsWith('file:') && text.length > 'file:'.length) {
    return { kind: 'file', folder: text.slice('file:'.length) };
  }
  return undefined;
}

/** Where the daemon keeps its log unless told otherwise: a service manager's folder for state, else the user's. */
export function defaultLogFolder(env: NodeJS.ProcessEnv = process.env): string {
  // systemd names all folders of the unit, joined by colons; the first one is the daemon's.
  const [given = ''] = (env.STATE_DIRECTORY ?? '').split(':');
  if (given !== '') return given;
  return join(env.XDG_STATE_HOME || join(homedir(), '.local/state'), 'firtrend');
}
