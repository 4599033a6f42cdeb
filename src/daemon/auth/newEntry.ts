import { stringify } from 'yaml';
import { FirtrendError } from '../../dsp/error.ts';
import { describeIssue } from '../../wire/describeIssue.ts';
import { type TokenEntry, token as tokenSchema } from '../config/listKeys.ts';
import { newToken, tokenSha256 } from './staticTokens.ts';

/**
 * A new token and what the configuration keeps of it.
 *
 * @throws FirtrendError `usage` for a name, scope or time that the configuration would refuse
 */
export function newEntry(parts: {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly expires?: string | undefined;
}): { readonly token: string; readonly entry: TokenEntry; readonly yaml: string } {
  const token = newToken();
  const asked = {
    name: parts.name,
    sha256: tokenSha256(token),
    scopes: parts.scopes,
    expires: parts.expires,
  };
  const { data: entry, error } = tokenSchema.safeParse(asked);
  if (!entry) throw new FirtrendError('usage', describeIssue(error.issues[0]!, asked).sentence);
  const yaml = stringify({ auth: { tokens: [entry] } }).trimEnd();
  return { token, entry, yaml };
}
