import { InvalidArgumentError, Option } from 'commander';
import { FirtrendError } from '../dsp/error.ts';

/** Parsers of option values: what they refuse is misuse (exit code 2), and commander names the option. */

export function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= from && value <= to) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${from} to ${to}.`);
  };
}

export function finiteNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Expected a number.');
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

/** @throws InvalidArgumentError unless all are numbers */
export function numbers(text: string): number[] {
  return text.split(',').map(finiteNumber);
}

export function names(text: string): string[] {
  const all = text.split(',').map((name) => name.trim());
  if (all.every((name) => name !== '') && new Set(all).size === all.length) return all;
  throw new InvalidArgumentError('Expected different names joined by commas.');
}

/** Turns the complaint of a parser that belongs to another room into misuse. */
export function parsedBy<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof FirtrendError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}

/** Runs what judges only the command line: its complaints are misuse (exit code 2). */
export function asUsage<T>(judge: () => T): T {
  try {
    return judge();
  } catch (error) {
    if (error instanceof FirtrendError) throw new FirtrendError('usage', error.message, { cause: error });
    throw error;
  }
}

/** Where a daemon is: without a path, its WebSocket path is meant. */
function daemonUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new InvalidArgumentError('Expected an address such as ws://127.0.0.1:8420/v1.');
  }
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw new InvalidArgumentError('Expected an address that begins with ws:// or wss://.');
  }
  if (url.pathname === '/') url.pathname = '/v1';
  return url.href;
}

const defaultPort = 8420;

export function urlOption(): Option {
  return new Option('--url <url>', 'address of the daemon')
    .argParser(daemonUrl)
    .default(`ws://127.0.0.1:${defaultPort}/v1`);
}

export function modelsOption(): Option {
  return new Option('--models <dir>', 'model repository').default(
    'models',
    'models, and the models that ship',
  );
}

/** Examples under a command's help. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}
