import { X509Certificate } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import WebSocket from 'ws';
import { startDaemon } from '../support/daemon.ts';
import { temporaryFolder } from '../support/models.ts';
import { rawClient } from '../support/rawClient.ts';

const fixtures = join(import.meta.dirname, '../fixtures/tls');
const ca = await Promise.all(['first', 'second'].map((name) => readFile(join(fixtures, `${name}.pem`))));

/** A folder with a certificate and its key, which can be put in place of each other. */
async function certificateFiles() {
  const folder = await temporaryFolder();
  const tls = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const put = async (name: string): Promise<void> => {
    await copyFile(join(fixtures, `${name}.pem`), tls.cert);
    await copyFile(join(fixtures, `${name}.key`), tls.key);
  };
  await put('first');
  return { tls, put };
}

/** Whose certificate a daemon shows, to a client that trusts only the two of these tests. */
async function shown(url: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), ca });
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve).once('error', reject);
  });
  const { subject } = (socket as TLSSocket).getPeerCertificate();
  socket.destroy();
  return (subject as unknown as { CN: string }).CN;
}

test('another certificate is shown to whoever comes, and no connection is dropped', async () => {
  const { tls, put } = await certificateFiles();
  const { url } = await startDaemon({ tls, watchInterval: 50 });
  expect(url).toMatch(/^wss:/);
  expect(await shown(url)).toBe('firtrend test first');
  const client = await rawClient(url, { ca });
  const { slot } = await client.ask({ type: 'open', stream: 's', channels: [{ name: 'x' }], rate: 10 });
  await put('second');
  await expect.poll(() => shown(url)).toBe('firtrend test second');
  client.send({ type: 'samples', slot, seq: 0, values: [[1, 2]] });
  await client.until((m) => m.type === 'ack' && m.nextSeq === 2);
  await rawClient(url, { ca });

  // A key that belongs to another certificate, and half a file: what was in force stays.
  await copyFile(join(fixtures, 'first.pem'), tls.cert);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await shown(url)).toBe('firtrend test second');
  await writeFile(tls.cert, (await readFile(join(fixtures, 'first.pem'))).subarray(0, 100));
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await shown(url)).toBe('firtrend test second');
  await put('first');
  await expect.poll(() => shown(url)).toBe('firtrend test first');
});

test('the page of the daemon itself is of the same origin, by https', async () => {
  const { tls } = await certificateFiles();
  const { url } = await startDaemon({ tls });
  const { host } = new URL(url);
  await rawClient(url, { ca, headers: { origin: `https://${host}` } });
  await expect(rawClient(url, { ca, headers: { origin: `http://${host}` } })).rejects.toThrow('403');
});

test('a certificate without its key, another key, no such file: it does not start', async () => {
  const { tls } = await certificateFiles();
  await expect(startDaemon({ tls: { ...tls, key: join(fixtures, 'second.key') } })).rejects.toMatchObject({
    code: 'certificate',
  });
  await expect(startDaemon({ tls: { ...tls, cert: '/none' } })).rejects.toThrow(
    /tls\.cert: expected a readable file, got ENOENT/,
  );
});

test('who speaks no TLS, or an old one, gets nowhere', async () => {
  const { tls } = await certificateFiles();
  const { url } = await startDaemon({ tls });
  await expect(rawClient(url.replace('wss', 'ws'))).rejects.toThrow();
  const old = new WebSocket(url, 'firtrend.v1.json', {
    ca,
    maxVersion: 'TLSv1.1',
    minVersion: 'TLSv1',
  } as never);
  const outcome = await new Promise((resolve) => old.once('open', resolve).once('error', resolve));
  expect(outcome).toBeInstanceOf(Error);
});

test('the metric of its end is that of the certificate', async () => {
  const { tls } = await certificateFiles();
  const { url } = await startDaemon({ tls });
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), ca }, () =>
      socket.write('GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'),
    );
    let answer = '';
    socket.on('data', (data: Buffer) => {
      answer += data.toString();
    });
    socket.on('end', () => resolve(answer)).on('error', reject);
  });
  const ends = Date.parse(new X509Certificate(ca[0]!).validTo) / 1000;
  expect(text).toContain(`firtrend_certificate_end_timestamp_seconds ${ends}\n`);
});
