import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { root, serveProcess } from '../support/command.ts';
import { http, post } from '../support/http.ts';

/* What the files for Prometheus and Grafana and docs/metrics.md ask for, beside what a daemon at work answers with. */

const read = (name: string): string => readFileSync(join(root, name), 'utf8');

/** Words of an expression that could be metrics: not functions, labels or what stands in quotes and brackets. */
function metricsIn(expression: string): string[] {
  const bare = expression
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\[[^\]]*\]/g, '')
    .replace(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, '');
  return [...bare.matchAll(/[a-z_][a-z0-9_]*(?=\b)(?!\s*\()/g)]
    .map(([word]) => word)
    .filter((word) => word.includes('_'));
}

/** Labels that an expression asks for, with their values, by metric. */
const selectors = (expression: string): [string, string, string][] =>
  [...expression.matchAll(/(\w+)\{([^}]*)\}/g)].flatMap(([, metric, inside]) =>
    [...inside!.matchAll(/(\w+)\s*=~?\s*"([^"]*)"/g)].map(([, label, value]): [string, string, string] => [
      metric!,
      label!,
      value!,
    ]),
  );

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly action: string };
}
const { groups } = parse(read('deploy/alerts.yml')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const board = JSON.parse(read('deploy/grafana.json')) as {
  panels: { title: string; targets: { expr: string }[]; gridPos: Record<'x' | 'y' | 'w' | 'h', number> }[];
};
const asked = [
  ...rules.map(({ expr }) => expr),
  ...board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
];

async function scrape(): Promise<string> {
  const daemon = await serveProcess(['--model', 'gait', '--log', 'memory']);
  await post(daemon.url, '/v1/streams/s/samples', { channels: [{ name: 'x' }], rate: 64, values: [[1, 2]] });
  daemon.kill('SIGHUP');
  await expect
    .poll(async () => (await http(daemon.url, '/metrics')).text)
    .toMatch(/firtrend_reloads_total\{outcome="taken"\} 1/);
  return (await http(daemon.url, '/metrics')).text;
}

describe('metrics', () => {
  test('alerts, Grafana and the docs name what a running daemon tells, and the docs name all of it', async () => {
    const scraped = await scrape();
    const samples = new Set([...scraped.matchAll(/^([a-z_][a-z0-9_]*)[ {]/gm)].map(([, name]) => name!));
    const families = [...scraped.matchAll(/^# TYPE (firtrend_\w+) /gm)].map(([, name]) => name!);
    expect(samples.has('firtrend_ready') && samples.has('firtrend_commit_seconds_bucket')).toBe(true);

    const wanted = asked.flatMap(metricsIn);
    // One each, but for `up`, which is Prometheus' own.
    expect(wanted.length).toBeGreaterThanOrEqual(asked.length - 1);
    expect([...new Set(wanted)].filter((name) => !samples.has(name))).toEqual([]);
    const documented = [...read('docs/metrics.md').matchAll(/firtrend_\w+/g)].map(([name]) => name);
    expect([...new Set(documented)].filter((name) => !samples.has(name) && !families.includes(name))).toEqual(
      [],
    );
    expect(families.filter((name) => !documented.includes(name))).toEqual([]);

    // Labels exist, but for those that Prometheus adds; a value that is asked for is one that can come.
    for (const [metric, label] of asked.flatMap(selectors)) {
      if (['instance', 'job'].includes(label)) continue;
      expect(scraped, `${metric} ${label}`).toMatch(new RegExp(`^${metric}\\{[^}]*\\b${label}="`, 'm'));
    }
  });

  test('every metric of ours stands in the Grafana board or in an alert', async () => {
    const families = [...(await scrape()).matchAll(/^# TYPE (firtrend_\w+) /gm)].map(([, name]) => name!);
    expect(families.filter((name) => !asked.some((expression) => expression.includes(name)))).toEqual([]);
  });

  test('each alert says how bad it is, what is wrong and what to do; the table of the docs has the same conditions', () => {
    const table = read('docs/metrics.md');
    for (const { alert, expr, labels, annotations } of rules) {
      expect(['critical', 'warning', 'info'], alert).toContain(labels.severity);
      expect(annotations.summary.length, alert).toBeGreaterThan(20);
      expect(annotations.action.length, alert).toBeGreaterThan(20);
      expect(table, alert).toContain(`\`${alert}\``);
      expect(expr.trim(), alert).not.toBe('');
    }
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  test('panels do not overlap, and lie on the grid of 24 columns', () => {
    const cells = new Set<string>();
    for (const { title, gridPos } of board.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x},${y}`), title).toBe(false);
          cells.add(`${x},${y}`);
        }
      }
    }
  });
});

describe('deploy/healthcheck.mjs', () => {
  const ends = (port: number) =>
    promisify(execFile)(process.execPath, [join(root, 'deploy/healthcheck.mjs'), String(port)]).then(
      () => 0,
      (error: { code: number }) => error.code,
    );
  const portOf = (url: string): number => Number(new URL(url).port);

  test('0 for a daemon that lives, with TLS and without, 1 for nobody', async () => {
    const plain = await serveProcess(['--log', 'memory']);
    const fixtures = join(root, 'test/fixtures/tls');
    const tls = ['--set', `tls.cert=${fixtures}/first.pem`, '--set', `tls.key=${fixtures}/first.key`];
    const secret = await serveProcess([...tls, '--log', 'memory']);
    expect(secret.url).toMatch(/^wss:/);
    expect(await ends(portOf(plain.url))).toBe(0);
    expect(await ends(portOf(secret.url))).toBe(0);
    await plain.stop();
    expect(await ends(portOf(plain.url))).toBe(1);
  });
});

describe('deploy/Containerfile', () => {
  test('copies what is there, leaves TensorFlow out, and ends as a user of no rights', () => {
    const file = read('deploy/Containerfile');
    const sources = [...file.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, list]) => list!.split(' '));
    expect(sources.length).toBeGreaterThan(5);
    const ignored = read('.dockerignore').split('\n').filter(Boolean);
    for (const source of sources.filter((name) => name !== '.')) {
      expect(() => read(source.endsWith('.mjs') ? source : `${source}/.`), source).not.toThrow(/ENOENT/);
      expect(ignored).not.toContain(source);
    }
    expect(file).toMatch(/npm ci --omit=dev --omit=optional/);
    expect(file.lastIndexOf('USER node')).toBeGreaterThan(file.lastIndexOf('FROM '));
    expect(file).toMatch(/^HEALTHCHECK .*healthcheck\.mjs"\]$/m);
  });
});
