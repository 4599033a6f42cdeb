import fs from 'node:fs';
import { expect, test, vi } from 'vitest';
import { startDaemon } from '../support/daemon.ts';
import { rawClient } from '../support/rawClient.ts';

/** A machine on which no plan is exact: batches of three have another last bit. */
vi.mock('../../src/filter/plans.ts', async (original) => {
  const real = await original<typeof import('../../src/filter/plans.ts')>();
  const { altered } = await import('../filter/support.ts');
  const inexact = altered(real.plans[0]!, 'inexact', (y, rows) => {
    if (rows === 3) y[0] = y[0]! * (1 + 2 ** -23);
    return y;
  });
  return { ...real, plans: [inexact] };
});

test('a plan that is not exact serves, and that is told wherever the device is: welcome, /readyz, the log', async () => {
  const written: string[] = [];
  const spy = vi.spyOn(fs, 'writeSync').mockImplementation(((_fd: number, text: string | Uint8Array) => {
    written.push(String(text));
    return Buffer.byteLength(text as string);
  }) as typeof fs.writeSync);
  const daemon = await startDaemon({ logLevel: 'info' });
  spy.mockRestore();
  const client = await rawClient(daemon.url);
  const device = { provider: 'cpu', exact: false };
  expect(client.messages.find(({ type }) => type === 'welcome')).toMatchObject({ device });
  const ready = await fetch(`${daemon.url.replace('ws:', 'http:').replace('/v1', '')}/readyz`);
  expect(await ready.json()).toMatchObject({ device, fingerprint: expect.stringContaining(', inexact, ') });
  const listening = written
    .join('')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .find(({ msg }) => msg === 'listening');
  expect(listening).toMatchObject({ device });
  const { slot } = await client.ask({ type: 'open', stream: 's', channels: [{ name: 'x' }], rate: 64 });
  await client.ask({ type: 'subscribe', streams: ['s'] });
  client.send({ type: 'samples', slot, values: [[1, 1]] });
  expect((await client.until(({ type }) => type === 'trend')).trend).toEqual([[1, 1]]);
});
