import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lag } from '../../../src/daemon/metrics/lag.ts';
import { root } from '../../support/command.ts';
import { startDaemon } from '../../support/daemon.ts';
import { http, post } from '../../support/http.ts';

const samples = { channels: [{ name: 'x' }], rate: 10, values: [[1, 2, 1e300]] };

/** The families of a scrape: type and samples by name. */
function families(text: string): Map<string, { type: string; samples: string[] }> {
  const found = new Map<string, { type: string; samples: string[] }>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) {
      current = [];
      found.set(name, { type: type!, samples: current });
    } else if (line !== '' && !line.startsWith('#')) {
      current.push(line);
    }
  }
  return found;
}

const value = (text: string, sample: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${sample} `))
      ?.slice(sample.length),
  );

describe('/metrics', () => {
  test('what docs/metrics.md names, no more and no less, in the conventions of Prometheus', async () => {
    const { url } = await startDaemon();
    await http(url, '/v1/streams');
    const scrape = await http(url, '/metrics');
    expect(scrape.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const found = families(scrape.text);
    const ours = [...found].filter(([name]) => name.startsWith('firtrend_'));
    const doc = await readFile(join(root, 'docs/metrics.md'), 'utf8');
    const documented = [...doc.matchAll(/^\| `(firtrend_\w+)` \| (\w+) \|([^|]*)\|/gm)];
    expect(ours.map(([name, { type }]) => `${name} ${type}`).sort()).toEqual(
      documented.map(([, name, type]) => `${name} ${type}`).sort(),
    );
    for (const [name, { type, samples: all }] of ours) {
      expect(name.endsWith('_total')).toBe(type === 'counter');
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      const labels = new Set(
        all.flatMap((line) => [...line.matchAll(/(\w+)="/g)].map(([, label]) => label!)),
      );
      labels.delete('le');
      const [, , , cell] = documented.find(([, known]) => known === name)!;
      for (const label of labels) expect(cell).toContain(`\`${label}\``);
    }
    expect([...found.keys()].filter((name) => !/^(firtrend|process|nodejs)_/.test(name))).toEqual([]);
  });

  test('counts what happened, and names no stream', async () => {
    const { url } = await startDaemon();
    const path = '/v1/streams/PLANTED/samples';
    const { epoch } = (await post(url, path, samples)).json;
    await post(url, path, { ...samples, epoch, seq: 2 });
    await post(url, path, { ...samples, epoch, seq: 10 });
    await http(url, '/v1/streams/PLANTED');
    await http(url, '/none', { method: 'PATCH' });
    const { text } = await http(url, '/metrics');
    expect(value(text, 'firtrend_sample_rows_total')).toBe(3 + 2 + 3);
    expect(value(text, 'firtrend_trend_rows_total')).toBe(8);
    expect(value(text, 'firtrend_duplicate_rows_total')).toBe(1);
    expect(value(text, 'firtrend_gap_rows_total')).toBe(5);
    expect(value(text, 'firtrend_overflow_samples_total')).toBe(3);
    expect(value(text, 'firtrend_streams')).toBe(1);
    expect(value(text, 'firtrend_ready')).toBe(1);
    expect(value(text, 'firtrend_commit_seconds_count')).toBe(3);
    expect(value(text, 'firtrend_release_seconds_count')).toBeGreaterThanOrEqual(3);
    expect(value(text, 'firtrend_http_requests_total{method="POST",code="200"}')).toBe(3);
    expect(value(text, 'firtrend_http_requests_total{method="other",code="404"}')).toBe(1);
    expect(value(text, 'firtrend_info{version="0.0.0-test",provider="cpu",exact="true"}')).toBe(1);
    expect(text).not.toContain('PLANTED');
    expect((await http(url, '/metrics')).text).toContain('firtrend_sample_rows_total 8\n');
  });
});

test('lag: from the arrival of the first event of a batch to its release', () => {
  let now = 0;
  const behind = lag(() => now);
  expect(behind.now()).toBe(0);
  behind.arrived();
  now = 10;
  behind.arrived();
  now = 15;
  behind.arrived();
  expect(behind.now()).toBe(15);
  expect(behind.released()).toBe(15);
  // The batch that gathered meanwhile has waited since its own first event.
  expect(behind.now()).toBe(5);
  now = 30;
  expect(behind.released()).toBe(20);
  expect(behind.now()).toBe(0);
});

test('a daemon that does not keep up is not ready, and is again once it does', async () => {
  let release: () => void = () => undefined;
  const { memoryLog } = await import('../../../src/log/memoryLog.ts');
  const log = memoryLog({
    hook: (edge) => (edge === 'before' ? new Promise<void>((resolve) => (release = resolve)) : undefined),
  });
  const { url } = await startDaemon({ log });
  const answer = post(url, '/v1/streams/s/samples', samples);
  await new Promise((resolve) => setTimeout(resolve, 5200));
  const late = await http(url, '/readyz');
  expect(late).toMatchObject({ status: 503, json: { ready: false } });
  expect(late.json.lag).toBeGreaterThan(5000);
  release();
  await answer;
  expect(await http(url, '/readyz')).toMatchObject({ status: 200, json: { ready: true } });
});
