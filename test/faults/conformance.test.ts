import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { wholeFrame } from '../../src/daemon/webSocket/frameHead.ts';
import { opcodes } from '../../src/daemon/webSocket/opcodes.ts';
import { serverSocket } from '../../src/daemon/webSocket/serverSocket.ts';
import { limits } from '../../src/wire/limits.ts';
import { temporaryFolder } from '../support/models.ts';
import { pythonPath, whyNoPython } from '../support/python.ts';

/* The cases of the Autobahn test suite, on the daemon's own WebSocket: what comes is sent back. */

const python = pythonPath('conformance');
const title = python === undefined ? ` [skipped: ${whyNoPython('conformance')}]` : '';
const milestone = process.env.FIRTREND_MILESTONE === '1';
/** Those whose messages, fragments together, are longer than the 1 MiB that a daemon takes. */
const overLimit = [
  ...[4, 5, 6].flatMap((n) => [`9.1.${n}`, `9.2.${n}`]),
  ...Array.from({ length: 9 }, (_, n) => [`9.3.${n + 1}`, `9.4.${n + 1}`]).flat(),
];

interface Verdict {
  readonly behavior: string;
  readonly behaviorClose: string;
  readonly remoteCloseCode: number | null;
}

/** A server of nothing but the daemon's WebSocket, which echoes. @returns `host:port` */
async function echoServer(maxMessage: number): Promise<string> {
  const server = createServer();
  server.on('upgrade', (request, stream) => {
    stream.on('error', () => undefined);
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    // The cases ask for no subprotocol, which a daemon refuses.
    stream.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}\r\n\r\n`,
    );
    let over = false;
    const socket = serverSocket({ protocol: '', stream, maxMessage, closeTimeout: 1000 });
    socket.start({
      message(data, isBinary) {
        if (!over) stream.write(wholeFrame(isBinary ? opcodes.binary : opcodes.text, data));
      },
      heard: () => undefined,
      closed() {
        over = true;
      },
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function verdicts(address: string, included: readonly string[]): Promise<Map<string, Verdict>> {
  const folder = await temporaryFolder();
  const args = included.flatMap((each) => ['--include', each]);
  // What it exits with says that a case failed, which is looked at here.
  await promisify(execFile)(join(dirname(python!), 'kosoku'), [...args, '--outdir', folder, address], {
    maxBuffer: 64 * 2 ** 20,
  }).catch((error: { code?: unknown }) => {
    if (error.code !== 1) throw error;
  });
  const byAgent = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as Record<
    string,
    Record<string, Verdict>
  >;
  return new Map(Object.values(byAgent).flatMap((cases) => Object.entries(cases)));
}

const groups = ['1.*', '2.*', '3.*', '4.*', '5.*', '6.*', '7.*', '9.*', '10.*'];

test.skipIf(python === undefined)(
  `${milestone ? 'all cases' : 'the cases of more than 1 MiB'} with the limit raised${title}`,
  async () => {
    const address = await echoServer(64 * 2 ** 20);
    const all = await verdicts(address, milestone ? groups : overLimit);
    const bad = [...all].filter(
      ([, { behavior, behaviorClose }]) =>
        !['OK', 'NON-STRICT', 'INFORMATIONAL'].includes(behavior) ||
        !['OK', 'INFORMATIONAL'].includes(behaviorClose),
    );
    expect(bad).toEqual([]);
    const notStrict = [...all].filter(([, { behavior }]) => behavior === 'NON-STRICT').map(([id]) => id);
    process.stdout.write(`conformance: ${all.size} cases, not strict: ${notStrict.join(' ') || 'none'}\n`);
    expect(all.size).toBe(milestone ? 301 : overLimit.length);
  },
);

test.skipIf(python === undefined)(
  `with the limit of a daemon the cases of more than 1 MiB close with 1009 or 1008${milestone ? ', and no other' : ''}${title}`,
  async () => {
    const address = await echoServer(limits.message);
    const all = await verdicts(address, milestone ? groups : overLimit);
    // In 7.7.6 and 7.7.7 the client closes with these codes itself, and gets them back.
    const refused = [...all].filter(
      ([id, { remoteCloseCode }]) => !id.startsWith('7.7.') && [1008, 1009].includes(remoteCloseCode ?? 0),
    );
    expect(refused.map(([id]) => id).sort()).toEqual([...overLimit].sort());
  },
);
