import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Authenticator, authenticator } from '../../../src/daemon/auth/authenticator.ts';
import { newToken } from '../../../src/daemon/auth/staticTokens.ts';
import { effectiveConfig } from '../../../src/daemon/config/layers.ts';
import type { Config } from '../../../src/daemon/config/schema.ts';
import { temporaryFolder } from '../../support/models.ts';
import { jwt, type Signer, signers } from '../../support/tokens.ts';

async function authConfig(auth: Record<string, unknown>): Promise<Config['auth']> {
  const file = join(await temporaryFolder(), 'firtrend.yaml');
  await writeFile(file, JSON.stringify({ auth }));
  return (await effectiveConfig({ file, environment: {}, flags: [] })).config.auth;
}

const sha256 = (token: string): string => createHash('sha256').update(token).digest('hex');
let hosts = 0;
/** From an address of its own, so that no test waits for another one's failures. */
const login = (by: Authenticator, token: string | undefined, from = `192.0.2.${hosts++}`) =>
  by.from(from)(token);
const refused = (by: Authenticator, token: string | undefined, from?: string) =>
  expect(login(by, token, from)).rejects.toMatchObject({ code: 'unauthorised' });

async function byKey(kind: 'publicKey' | 'jwks' | 'secret', content: string | Buffer, more: object = {}) {
  const path = join(await temporaryFolder(), 'key');
  await writeFile(path, content);
  return authenticator(await authConfig({ jwt: { [kind]: path, ...more } }));
}

const byPublicKey = (signer: Signer, more: object = {}) => byKey('publicKey', signer.publicKey, more);

describe('static tokens', () => {
  const token = newToken();
  const entries = [
    { name: 'pump', sha256: sha256(token), scopes: ['publish:site/*', 'subscribe:**'] },
    { name: 'old', sha256: sha256('ended'), scopes: ['admin'], expires: '2020-01-01' },
    { name: 'new', sha256: sha256('begun'), scopes: 'cluster', expires: '2120-01-01T00:00:00+02:00' },
  ];

  test('whose it is, what it may, when it ends', async () => {
    const by = await authenticator(await authConfig({ tokens: entries }));
    expect(by.required).toBe(true);
    const pump = await login(by, token);
    expect(pump).toMatchObject({ name: 'pump', scopes: ['publish:site/*', 'subscribe:**'] });
    expect(pump.expires).toBeUndefined();
    expect((await login(by, 'begun')).expires).toBe(Date.UTC(2119, 11, 31, 22));
    await refused(by, 'ended');
    await refused(by, `${token} `);
    await refused(by, sha256(token));
    await refused(by, undefined);
  });

  test('without any, everybody may do everything', async () => {
    const by = await authenticator(await authConfig({}));
    expect(by.required).toBe(false);
    expect((await login(by, undefined)).may('admin', 'x')).toBe(true);
    expect((await login(by, 'whatever')).may('publish', 'x')).toBe(true);
  });

  test('who came in stands until the token is taken away or changed', async () => {
    const by = await authenticator(await authConfig({ tokens: entries }));
    const [pump, other] = [await login(by, token), await login(by, 'begun')];
    await by.reload(await authConfig({ tokens: [entries[0], { ...entries[2], scopes: ['admin'] }] }));
    expect([by.stands(pump), by.stands(other)]).toEqual([true, false]);
    await by.reload(await authConfig({ tokens: [entries[1]] }));
    expect(by.stands(pump)).toBe(false);
    await refused(by, token);
  });
});

describe('JSON Web Tokens', () => {
  test.each(['EdDSA', 'ES256', 'RS256'] as const)('%s, by a key and by a key set', async (alg) => {
    const [signer, other] = [signers[alg](), signers[alg]()];
    const token = jwt(signer, { sub: 'device 7', scope: 'openid publish:a/* subscribe:** profile' });
    for (const by of [
      await byPublicKey(signer),
      await byKey('jwks', JSON.stringify({ keys: [signer.jwk] })),
    ]) {
      const principal = await login(by, token);
      expect(principal).toMatchObject({ name: 'device 7', scopes: ['publish:a/*', 'subscribe:**'] });
      expect(principal.expires! / 1000).toBeCloseTo(Date.now() / 1000 + 3600, -1);
      expect([
        principal.may('publish', 'a/b'),
        principal.may('publish', 'b/a'),
        principal.may('admin', 'a/b'),
      ]).toEqual([true, false, false]);
      await refused(by, jwt(other, { scope: 'admin' }));
      await refused(
        by,
        token.replace(
          /\.[^.]*\./,
          `.${Buffer.from('{"sub":"a","exp":9e9,"scope":"admin"}').toString('base64url')}.`,
        ),
      );
    }
  });

  test('a shared secret', async () => {
    const by = await byKey('secret', `${signers.HS256().publicKey}\n`);
    expect(await login(by, jwt(signers.HS256(), { scopes: ['admin'] }))).toMatchObject({ scopes: ['admin'] });
    await refused(by, jwt(signers.HS256('another secret of more than 32 bytes'), { scopes: ['admin'] }));
    await expect(byKey('secret', 'short')).rejects.toMatchObject({ code: 'jwtKey' });
  });

  const signer = signers.ES256();
  const now = Math.floor(Date.now() / 1000);
  test.each<[string, () => string]>([
    ['no signature', () => jwt({ ...signer, alg: 'none', sign: () => Buffer.alloc(0) }, {})],
    ['the public key taken for a shared secret', () => jwt(signers.HS256(signer.publicKey), {})],
    ['ended', () => jwt(signer, { exp: now - 60 })],
    ['not yet begun', () => jwt(signer, { nbf: now + 60 })],
    ['no end', () => jwt(signer, { exp: undefined })],
    ['nobody', () => jwt(signer, { sub: undefined })],
    ['an extension that has to be understood', () => jwt(signer, {}, { crit: ['x'], x: 1 })],
    ['for another audience', () => jwt(signer, { aud: 'elsewhere', iss: 'us' })],
    ['of another issuer', () => jwt(signer, { aud: ['here', 'there'], iss: 'them' })],
    ['two dots and nothing', () => '..'],
  ])('refused: %s', async (_name, token) => {
    const by = await byPublicKey(signer, { audience: 'here', issuer: 'us' });
    expect(await login(by, jwt(signer, { aud: ['here', 'there'], iss: 'us' }))).toMatchObject({ scopes: [] });
    await refused(by, token());
  });

  test('only the algorithms that are allowed', async () => {
    await refused(await byPublicKey(signer, { algorithms: ['EdDSA'] }), jwt(signer, {}));
  });

  test('a key that cannot be used is said without quoting it', async () => {
    await expect(byKey('publicKey', 'PLANTED')).rejects.toThrow(
      /expected a public key or a certificate in PEM, got something else/,
    );
    await expect(byKey('jwks', '{"keys": PLANTED')).rejects.toThrow(
      /expected a JSON Web Key Set, got something else/,
    );
    await expect(byKey('jwks', '{}')).rejects.toMatchObject({ code: 'jwtKey' });
  });
});

describe('failed logins are slowed', () => {
  test('each twice as long as the one before, by address; a right token never waits', async () => {
    const by = await authenticator(await authConfig({ tokens: [{ name: 'a', sha256: sha256('right') }] }));
    const took = async (token: string, from: string): Promise<number> => {
      const began = performance.now();
      await login(by, token, from).catch(() => undefined);
      return performance.now() - began;
    };
    for (const [i, from] of ['2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::9'].entries()) {
      expect(await took('wrong', from)).toBeGreaterThan(95 * 2 ** i);
    }
    expect(await took('right', '2001:db8:1:2::1')).toBeLessThan(90);
    expect(await took('wrong', '2001:db8:1:3::1')).toBeLessThan(190);
    expect(await took('wrong', '::ffff:198.51.100.1')).toBeLessThan(190);
    expect(await took('wrong', '198.51.100.1')).toBeGreaterThan(190);
  });
});
