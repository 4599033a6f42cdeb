import { homedir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';

/** Where the daemon keeps its log unless told otherwise: a service manager's folder for state, else the user's. */
export function defaultLogFolder(env: NodeJS.ProcessEnv = process.env): string {
  // systemd names all folders of the unit, joined by colons; the first one is the daemon's.
  const [given = ''] = (env.STATE_DIRECTORY ?? '').split(':');
  if (given !== '') return join(given, 'log');
  return join(env.XDG_STATE_HOME || join(homedir(), '.local/state'), 'firtrend/log');
}

/** `--log` of the commands that read a log, or put it right: a folder of segments. */
export function logFolderOption(): Option {
  return new Option('--log <log>', 'the log, as serve has it: file:DIR')
    .argParser(logFolder)
    .default(defaultLogFolder(), `file:${defaultLogFolder()}`);
}

function logFolder(text: string): string {
  if (text.startsWith('file:') && text.length > 'file:'.length) return text.slice('file:'.length);
  throw new InvalidArgumentError('Expected file:DIR.');
}
