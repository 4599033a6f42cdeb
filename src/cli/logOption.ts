import { InvalidArgumentError, Option } from 'commander';
import { defaultLogFolder, logPlace } from '../log/logPlace.ts';

/** `--log` of the commands that read a log, or put it right: a folder of segments. */
export function logFolderOption(): Option {
  return new Option('--log <log>', 'the log, as serve has it: file:DIR')
    .argParser(logFolder)
    .default(defaultLogFolder(), `file:${defaultLogFolder()}`);
}

function logFolder(text: string): string {
  const place = logPlace(text);
  if (place?.kind === 'file') return place.folder;
  throw new InvalidArgumentError('Expected file:DIR.');
}
