import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { FirtrendError } from '../../dsp/error.ts';
import type { Config } from '../config/schema.ts';

/** What TLS is served with. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * The certificate that the configuration names, tried; undefined where it names none.
 *
 * @throws FirtrendError `certificate` for files that cannot be read or do not belong together
 */
export async function readCertificate({ cert, key }: Config['tls']): Promise<Certificate | undefined> {
  if (cert === undefined || key === undefined) return undefined;
  const [certBytes, keyBytes] = await Promise.all([read('tls.cert', cert), read('tls.key', key)]);
  try {
    createSecureContext({ cert: certBytes, key: keyBytes });
  } catch (cause) {
    const text = `tls: expected a certificate and its private key in PEM (${cert}, ${key}), got ${(cause as Error).message}`;
    throw new FirtrendError('certificate', text, { cause });
  }
  return { cert: certBytes, key: keyBytes };
}

async function read(name: string, path: string): Promise<Buffer> {
  return readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new FirtrendError('certificate', `${name}: expected a readable file, got ${cause.code} (${path})`, {
      cause,
    });
  });
}
