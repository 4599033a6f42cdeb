import { isIP } from 'node:net';
import { FirtrendError } from '../dsp/error.ts';
import type { Config } from './config/schema.ts';
import { asksForTokens } from './config/together.ts';

/** Whether only this machine reaches an address or host name. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/**
 * An address that others reach is served only to those who say who they are, or where the operator says otherwise.
 *
 * @throws FirtrendError `insecureAddress`
 */
export function mustBeSafe(config: Pick<Config, 'host' | 'insecure' | 'auth'>): void {
  if (isLoopback(config.host) || config.insecure || asksForTokens(config)) return;
  throw new FirtrendError(
    'insecureAddress',
    `host: expected a loopback address (127.0.0.1, ::1) where there is no authentication, got ${config.host}; configure auth.tokens or auth.jwt, or say --insecure to serve anyone`,
  );
}
