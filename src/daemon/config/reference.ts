import { type ConfigKey, configKeys } from './keys.ts';
import { shownDefault } from './shown.ts';

const head = `# Configuration

Every key that \`firtrend serve\` knows. This page is made by \`firtrend config reference\` from the schema
(\`src/daemon/config/schema.ts\`), and a test holds the two together.

Each key has its value from the first of these that gives one:

1. a flag: \`--port 9000\`, and for every key \`--set limits.rows=1024\`
2. an environment variable: \`FIRTREND_LIMITS_ROWS=1024\` (lists joined by commas, lists of objects as YAML; an empty one counts for nothing)
3. the YAML file that \`--config\` or \`FIRTREND_CONFIG\` names
4. the default

A list is one value: it replaces the one below it whole. Relative paths in a file are relative to the file. An unknown key
is an error.

\`firtrend config check\` says everything that is wrong, with its line, and tries the certificates, keys and models that are
named; \`firtrend config print\` shows what is in force and where it comes from, secrets hidden.

On SIGHUP the daemon reads all of it again. \`auth\`, \`origins\`, \`streams\`, \`model\`, \`allow\` and the files that \`tls\` and \`auth.jwt\`
name take effect at once; other keys at the next start, and the log names those that changed. Where anything is wrong,
nothing changes.

\`\`\`yaml
host: 0.0.0.0
tls: { cert: tls/fullchain.pem, key: tls/privkey.pem }
origins: [https://trends.example.com]
auth:
  tokens: # firtrend config token --name pumps --scope 'publish:site/**'
    - name: pumps
      sha256: 5f4dcc3b5aa765d61d8327deb882cf992f5e7a3c0c6b1d3f8a9b7c6d5e4f3a2b
      scopes: ['publish:site/**']
model: gait
streams:
  - { match: 'site/pumps/*', model: pumps@3, minCoverage: 0.5 }
  - { match: ['site/raw/**', 'lab/**'] } # no model: raw only
\`\`\`

Durations have a unit, \`ms\`, \`s\`, \`min\`, \`h\` or \`d\` (none: ms); sizes \`B\`, \`KiB\`, \`MiB\`, \`GiB\` or \`TiB\` (none: bytes).
`;

/** docs/configuration.md. */
export function configReference(): string {
  const lists = configKeys.filter(({ fields }) => fields.length > 0);
  return [
    head,
    `## Keys\n\n${table(configKeys, true)}`,
    ...lists.map(
      ({ name, about, fields }) => `## \`${name}\`\n\nEach of the ${about}:\n\n${table(fields, false)}`,
    ),
  ]
    .join('\n\n')
    .concat('\n');
}

function table(keys: readonly ConfigKey[], variables: boolean): string {
  const rows = keys.map((key) => {
    const fallback = shownDefault(key);
    const cells = [
      `\`${key.name}\``,
      key.about,
      key.rule,
      fallback === undefined ? '' : `\`${JSON.stringify(fallback)}\``,
      ...(variables ? [`\`${key.variable}\``] : []),
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const titles = ['key', 'what', 'value', 'default', ...(variables ? ['environment'] : [])];
  return [`| ${titles.join(' | ')} |`, `|${'---|'.repeat(titles.length)}`, ...rows].join('\n');
}
