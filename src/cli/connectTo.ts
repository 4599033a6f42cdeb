import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import type { FirtrendClient } from '../client/client.ts';
import { FirtrendError } from '../dsp/error.ts';

/** No `--token TOKEN`: whoever lists the processes of the machine would read it. */
export function tokenOption(): Option {
  return new Option(
    '--token-file <file>',
    'holds the token, where the daemon asks for one (default: FIRTREND_TOKEN in the environment)',
  );
}

/**
 * A connection to a daemon that ends when it breaks, with the token of the file, else of the environment.
 * @throws FirtrendError `tokenFile`; those of `connect`
 */
export async function connectTo(url: string, tokenFile: string | undefined): Promise<FirtrendClient> {
  const { connect } = await import('../client/client.ts');
  const token = tokenFile === undefined ? process.env.FIRTREND_TOKEN?.trim() : await tokenIn(tokenFile);
  try {
    return await connect(url, { reconnect: false, token: token || undefined });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'unauthorised')) throw error;
    const hint = `${error.message}; give one with --token-file FILE or FIRTREND_TOKEN`;
    throw new FirtrendError('unauthorised', hint, { cause: error });
  }
}

async function tokenIn(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new FirtrendError(
      'tokenFile',
      `--token-file: expected a readable file, got ${cause.code} (${file})`,
      {
        cause,
      },
    );
  });
  if (text.trim() !== '') return text.trim();
  throw new FirtrendError('tokenFile', `--token-file: expected a token, got an empty file (${file})`);
}
