import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configKeys } from '../../../src/daemon/config/keys.ts';
import { effectiveConfig, type Layers } from '../../../src/daemon/config/layers.ts';
import { configAsJson, configAsYaml } from '../../../src/daemon/config/shown.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../src/daemon/config/units.ts';
import { defaultLimits } from '../../../src/daemon/limits.ts';
import { temporaryFolder } from '../../support/models.ts';

async function configured(yaml: string | undefined, layers: Partial<Layers> = {}) {
  const file = yaml === undefined ? undefined : join(await temporaryFolder(), 'firtrend.yaml');
  if (file !== undefined) await writeFile(file, yaml!);
  return effectiveConfig({ file, environment: {}, flags: [], ...layers });
}

async function problems(yaml: string | undefined, layers: Partial<Layers> = {}): Promise<string[]> {
  const error = await configured(yaml, layers).then(
    () => expect.fail('it was taken'),
    (refusal: Error) => refusal,
  );
  // The folder of the test is no part of what is compared.
  return error.message.split('\n').map((line) => line.replace(/\/\S*(firtrend\.yaml)/, '$1'));
}

const hash = 'a1'.repeat(32);

describe('layers', () => {
  test('defaults < file < environment < flags, key by key, each with its source', async () => {
    const { config, sources } = await configured('host: "::1"\nport: 1\nlimits: { rows: 1, channels: 2 }\n', {
      environment: { FIRTREND_PORT: '2', FIRTREND_LIMITS_ROWS: '3', PORT: '9', FIRTREND_MODEL: '' },
      flags: [{ name: 'limits.rows', value: '4', flag: '--set' }],
    });
    expect(config).toMatchObject({ host: '::1', port: 2, device: 'cpu' });
    expect(config.limits).toEqual({ ...defaultLimits, rows: 4, channels: 2 });
    expect(config).not.toHaveProperty('model');
    const from = (name: string): string | undefined => sources.get(name)?.replace(/\/\S*\//, '');
    expect(from('host')).toBe('file firtrend.yaml:1');
    expect(from('limits.channels')).toBe('file firtrend.yaml:3');
    expect(from('port')).toBe('environment FIRTREND_PORT');
    expect(from('limits.rows')).toBe('flag --set');
    expect(from('model')).toBe('default');
  });

  test('lists, objects, durations and sizes from text; relative paths in a file are relative to it', async () => {
    const yaml = `tls: { cert: a/b.pem, key: /k.pem }
model: gait@2
streams:
  - { match: 'a/**', model: ./m.onnx, stale: 1.5s, allow: rateMismatch }
log: file:state
retention: { age: 1h, bytes: 10GiB }
ping: { interval: 500 }
`;
    const { config } = await configured(yaml, {
      environment: {
        FIRTREND_ORIGINS: 'https://a.example, http://b.example:81',
        FIRTREND_AUTH_TOKENS: `[{name: x, sha256: ${hash}, scopes: ['publish:a/*']}]`,
      },
    });
    expect(config.tls.cert).toMatch(/^\/.*\/a\/b\.pem$/);
    expect(config.tls.key).toBe('/k.pem');
    expect(config.model).toBe('gait@2');
    expect(config.streams).toEqual([
      {
        match: ['a/**'],
        model: expect.stringMatching(/^\/.*\/m\.onnx$/),
        stale: 1500,
        allow: ['rateMismatch'],
      },
    ]);
    expect(config.retention).toEqual({ age: 3_600_000, bytes: 10 * 2 ** 30 });
    expect(config.log).toMatch(/^file:\/.*\/state$/);
    expect(config.ping.interval).toBe(500);
    expect(config.origins).toEqual(['https://a.example', 'http://b.example:81']);
    expect(config.auth.tokens).toEqual([{ name: 'x', sha256: hash, scopes: ['publish:a/*'] }]);
  });

  test('nothing behind a key, and an empty file, are as if they were not there', async () => {
    expect((await configured('tls:\nmodel:\n')).config).toEqual((await configured(undefined)).config);
    expect((await configured('')).config).toEqual((await configured(undefined)).config);
  });

  test('what Kubernetes tells of a service called firtrend is no configuration', async () => {
    const environment = {
      FIRTREND_PORT: 'tcp://10.0.0.1:8420',
      FIRTREND_SERVICE_HOST: '10.0.0.1',
      FIRTREND_PORT_8420_TCP_ADDR: '10.0.0.1',
    };
    expect((await configured(undefined, { environment })).config.port).toBe(8420);
  });
});

describe('problems', () => {
  test('all of them, each with its place, what was expected and what came', async () => {
    const yaml = `prot: 1
tls: 5
streams:
  - { match: 'a/**', mdel: x, stale: 5q, minCoverage: 7 }
limits:
  conections: 1
  rows: 1e9
`;
    const layers = {
      environment: { FIRTREND_DEVICE: 'gpu' },
      flags: [{ name: 'port', value: 'x', flag: '--port' }],
    };
    expect((await problems(yaml, layers)).sort()).toEqual([
      'environment FIRTREND_DEVICE: device: expected cpu, cuda, auto, got "gpu"',
      'file firtrend.yaml:1: prot: unknown key; did you mean port?',
      'file firtrend.yaml:2: tls: expected keys with values, got 5',
      'file firtrend.yaml:4: streams[0].mdel: unknown key; did you mean model?',
      'file firtrend.yaml:4: streams[0].minCoverage: expected a number from 2^-20 to 1, got 7',
      'file firtrend.yaml:4: streams[0].stale: expected a duration from 1ms to 30d, got "5q"',
      'file firtrend.yaml:6: limits.conections: unknown key; did you mean connections?',
      'file firtrend.yaml:7: limits.rows: expected a whole number from 1 to 65536, got 1000000000',
      'flag --port: port: expected a whole number from 0 to 65535, got "x"',
    ]);
  });

  test.each([
    [
      'a key of the environment',
      undefined,
      { environment: { FIRTREND_LIMIT_ROWS: '1' } },
      /FIRTREND_LIMITS_ROWS/,
    ],
    [
      'a key of --set',
      undefined,
      { flags: [{ name: 'limit.rows', value: '1', flag: '--set' }] },
      /limit\.rows: unknown key; did you mean limits\.rows/,
    ],
    ['no YAML', 'a: [1\nb: }', {}, /firtrend\.yaml:\d: expected YAML/],
    ['a key twice', 'port: 1\nport: 2', {}, /expected YAML/],
    ['no keys', '- 1', {}, /expected keys with values/],
    ['__proto__', '__proto__: { port: 1 }', {}, /__proto__: unknown key/],
    [
      'a certificate without its key',
      'tls: { cert: a }',
      {},
      /tls\.key: expected both cert and key, or neither/,
    ],
    [
      'two keys for tokens',
      'auth: { jwt: { jwks: a, secret: b } }',
      {},
      /expected one of publicKey, jwks, secret/,
    ],
    ['a public key for HMAC', 'auth: { jwt: { publicKey: a, algorithms: [HS256] } }', {}, /no HS…/],
    ['an audience without a key', 'auth: { jwt: { audience: a } }', {}, /for tokens to be checked with/],
    [
      'a scope',
      `auth: { tokens: [{ name: a, sha256: ${hash}, scopes: ['publish:a//b'] }] }`,
      {},
      /scopes\[0\]: expected publish:PATTERN/,
    ],
    [
      'a name twice',
      `auth: { tokens: [{ name: a, sha256: ${hash} }, { name: a, sha256: ${hash.replace('a', 'b')} }] }`,
      {},
      /a name that no other token has/,
    ],
    ['an origin with a path', 'origins: https://a.example/b', {}, /expected origins such as/],
    ['any origin, for anyone', 'origins: "*"', {}, /origins by name, where no token/],
  ])('%s', async (_name, yaml, layers, says) => {
    expect((await problems(yaml, layers)).join('\n')).toMatch(says);
  });

  test('flags alone are misuse of the command line', async () => {
    const flags = [{ name: 'port', value: 'x', flag: '--port' }];
    await expect(configured(undefined, { flags })).rejects.toMatchObject({ code: 'usage' });
    await expect(configured('x: 1', { flags })).rejects.toMatchObject({ code: 'config' });
  });

  test('a secret is quoted by no message, wherever it is put', async () => {
    const planted = 'frt_PLANTED';
    const places = [
      `auth: { tokens: [{ name: a, sha256: ${planted} }] }`,
      `auth: { tokens: [${planted}] }`,
      `auth: { tokens: { a: ${planted} } }`,
      `auth: ${planted}`,
      `auth: { tokens: ${planted} }`,
      `auth: { tokens: [{ name: a, sha256: ${planted} ] }`,
      `auth: {\n tokens: ${planted} ${planted}: ${planted}\n`,
    ];
    for (const yaml of places) expect((await problems(yaml)).join('\n')).not.toContain(planted);
    const environment = { FIRTREND_AUTH_TOKENS: `[{sha256: ${planted}` };
    expect((await problems(undefined, { environment })).join('\n')).not.toContain(planted);
    // What is no secret is quoted, so that the search above can find something.
    expect((await problems(`host: [${planted}]\nport: ${planted}`)).join('\n')).toContain(planted);
  });
});

describe('what is printed', () => {
  test('reads back as the same configuration, secrets apart, and says where each key comes from', async () => {
    const yaml = `models: /srv/models
auth: { jwt: { secret: /s } }
streams: [{ match: [a, 'b/*'], model: m@1, stale: 90min, allow: [bias, channelMismatch] }, { match: '**' }]
retention: { bytes: 1536KiB }
ping: { interval: 1500 }
`;
    const printed = await configured(yaml, { environment: { FIRTREND_PORT: '9' } });
    const text = configAsYaml(printed);
    expect((await configured(text)).config).toEqual(printed.config);
    expect(text).toMatch(/^port: 9 +# environment FIRTREND_PORT$/m);
    expect(text).toMatch(/^ {2}interval: 1500ms +# file \S+firtrend\.yaml:5$/m);
    expect(parse(text)).toEqual(configAsJson(printed).config);
    expect(Object.keys(configAsJson(printed).sources)).toEqual(configKeys.map(({ name }) => name));
  });

  test('hides secrets', async () => {
    const printed = await configured(`auth: { tokens: [{ name: a, sha256: ${hash}, scopes: admin }] }`);
    expect(JSON.stringify(configAsJson(printed))).not.toContain(hash);
    expect(configAsYaml(printed)).toMatch(/sha256: \(hidden\)/);
    expect(JSON.stringify(printed.config)).toContain(hash);
  });
});

test('durations and sizes are written so that they read back the same', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 45), (n) => {
      expect(parseDuration(formatDuration(n))).toBe(n);
      expect(parseSize(formatSize(n))).toBe(n);
    }),
  );
  expect([90_000, 86_400_000, 1500, 0].map(formatDuration)).toEqual(['90s', '1d', '1500ms', '0ms']);
  expect(['', 'x', '1 2s', '-1s', '1S', '5kb'].map((text) => parseDuration(text) + parseSize(text))).toEqual(
    new Array(6).fill(Number.NaN),
  );
});
