import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { noBrowser, tab } from '../support/browser.ts';
import { root, serveProcess } from '../support/command.ts';
import { httpOf, post } from '../support/http.ts';

/* The examples as they stand, against the daemon as built. */

function example(file: string, args: readonly string[]): { child: ChildProcess; said: () => string } {
  const child = spawn(process.execPath, [join(root, 'examples', file), ...args], { cwd: root });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  return { child, said: () => text };
}

test('publish, subscribe and RxJS in Node', async () => {
  const daemon = await serveProcess(['--model', 'gait']);
  const subscriber = example('subscribe.mjs', [daemon.url]);
  const rx = example('rxjs.mjs', [daemon.url]);
  const publisher = example('publish.mjs', [daemon.url, '4']);
  const ended = ({ child }: typeof rx) => new Promise((resolve) => child.once('exit', resolve));
  expect(await Promise.all([ended(publisher), ended(rx)]), publisher.said() + rx.said()).toEqual([0, 0]);
  expect(publisher.said()).toMatch(/^256 samples acknowledged$/m);
  // The mean of a second of a sine of 1 around 101.3.
  expect(rx.said()).toMatch(/^(example\/pump 10[0-2]\.\d{3}\n){3}$/);
  expect(subscriber.said()).toMatch(/^example\/pump 0 16 10[0-2]\.\d+$/m);
  await daemon.stop();
  await expect.poll(subscriber.said).toMatch(/^gone: .*4000/m);
});

test.skipIf(noBrowser !== '')(
  `a page of another origin, which the configuration names${noBrowser}`,
  async () => {
    const page = readFileSync(join(root, 'examples/browser.html'));
    const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(page));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const daemon = await serveProcess(['--log', 'memory', '--model', 'gait', '--set', `origins=${origin}`]);
    const browser = await tab();
    await browser.page.goto(`${origin}/?daemon=${httpOf(daemon.url)}`);
    await expect.poll(() => browser.page.textContent('#state'), { timeout: 10_000 }).toBe('connected');
    await post(daemon.url, '/v1/streams/s/samples', { channels: [{ name: 'x' }], rate: 64, values: [[7]] });
    await expect.poll(() => browser.page.textContent('#trend'), { timeout: 10_000 }).toBe('s 0 7');
    expect(browser.errors).toEqual([]);
  },
);
