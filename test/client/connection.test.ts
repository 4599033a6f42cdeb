import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ConnectOptions, connect, type FirtrendClient } from '../../src/client/client.ts';
import { closeCodes } from '../../src/wire/closeCodes.ts';
import type { ServerControl } from '../../src/wire/serverMessages.ts';
import { WireError } from '../../src/wire/wireError.ts';
import { type FakeServer, fakeServer, hello, type Peer, welcome } from './fakeServer.ts';

let server: FakeServer;

beforeEach(async () => {
  server = await fakeServer();
});

afterEach(async () => {
  await server.close();
});

async function connected(
  options?: ConnectOptions,
  greeting?: readonly ServerControl[],
): Promise<[FirtrendClient, Peer]> {
  const accepted = server.accept(greeting);
  const client = await connect(server.url, { reconnect: false, ...options });
  return [client, await accepted];
}

describe('the handshake', () => {
  it('ends with the welcome', async () => {
    const [client, peer] = await connected();
    expect(client.welcome).toEqual(welcome);
    expect(client.subprotocol).toBe('firtrend.v1.bin');
    expect(peer.socket.protocol).toBe('firtrend.v1.bin');
    await client.close();
    expect(await client.closed).toBeUndefined();
  });

  it.each(['firtrend.v1.bin', 'firtrend.v1.json'] as const)('takes %s if told to', async (subprotocol) => {
    const [client, peer] = await connected({ subprotocol });
    expect(peer.socket.protocol).toBe(subprotocol);
    expect(client.subprotocol).toBe(subprotocol);
    await client.close();
  });

  it('takes what the daemon speaks, and nothing else', async () => {
    const old = await fakeServer('firtrend.v1.json');
    const accepted = old.accept();
    const client = await connect(old.url);
    await accepted;
    expect(client.subprotocol).toBe('firtrend.v1.json');
    await client.close();
    await old.close();
  });

  it('authenticates where it must', async () => {
    const accepted = server.accept([{ ...hello, authRequired: true }]);
    const connecting = connect(server.url, { token: 'secret' });
    const peer = await accepted;
    expect(await peer.next()).toEqual({ type: 'auth', id: 1, token: 'secret' });
    peer.send({ ...welcome, id: 1, principal: 'anna' });
    const client = await connecting;
    expect(client.welcome.principal).toBe('anna');
    // Ids go on growing.
    const asked = client.streams();
    expect(await peer.next()).toEqual({ type: 'streams', id: 2 });
    peer.send({ type: 'streams', id: 2, streams: [] });
    expect(await asked).toEqual([]);
    await client.close();
  });

  it.each<[string, readonly ServerControl[], ConnectOptions, Partial<WireError>]>([
    ['needs a token', [{ ...hello, authRequired: true }], {}, { code: 'unauthorised', closeCode: 4501 }],
    ['another protocol', [{ ...hello, protocol: 'firtrend.v2' }], {}, { code: 'version', closeCode: 4502 }],
    ['no welcome', [hello], { connectTimeout: 50 }, { code: 'connectFailed' }],
    [
      'a refused token',
      [
        { ...hello, authRequired: true },
        { type: 'error', id: 1, code: 'unauthorised', message: 'token: expected another' },
      ],
      { token: 'wrong' },
      { code: 'unauthorised', message: 'token: expected another' },
    ],
  ])('fails: %s', async (_, greeting, options, expected) => {
    const accepted = server.accept(greeting);
    const failed = await connect(server.url, options).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(WireError);
    expect(failed).toMatchObject(expected);
    await accepted;
  });

  it('fails where nobody listens, where the address is none, and where the socket closes', async () => {
    await expect(connect('ws://127.0.0.1:1/v1')).rejects.toMatchObject({ code: 'connectFailed' });
    await expect(connect('no address')).rejects.toMatchObject({ code: 'connectFailed' });
    const accepted = server.accept([]);
    const connecting = connect(server.url);
    (await accepted).socket.close(closeCodes.limit, 'connections: at most 1');
    await expect(connecting).rejects.toMatchObject({ code: 'limit', closeCode: 4503 });
  });
});

describe('requests', () => {
  it('find their replies in any order, and errors their requests', async () => {
    const [client, peer] = await connected();
    const first = client.streams('a');
    const second = client.streams('b/**');
    const third = client.streams();
    expect([await peer.next(), await peer.next(), await peer.next()]).toEqual([
      { type: 'streams', id: 1, pattern: 'a' },
      { type: 'streams', id: 2, pattern: 'b/**' },
      { type: 'streams', id: 3 },
    ]);
    const info = { epoch: '0'.repeat(16), channels: [], rate: 1, nextSeq: 0 } as const;
    const kernel = { model: null, version: null, lag: null, reason: 'none' } as const;
    peer.send({ type: 'streams', id: 3, streams: [{ name: 'third', ...info, ...kernel }] });
    peer.send({
      type: 'error',
      id: 2,
      code: 'limit',
      message: 'no more',
      field: 'pattern',
      retryAfter: 5,
    });
    peer.send({ type: 'streams', id: 1, streams: [{ name: 'first', ...info, ...kernel }] });
    expect((await first)[0]?.name).toBe('first');
    expect((await third)[0]?.name).toBe('third');
    await expect(second).rejects.toMatchObject({ code: 'limit', field: 'pattern', id: 2, retryAfter: 5 });
    await client.close();
  });

  it.each(Object.entries(closeCodes))(
    'reject when the daemon closes with %s (%i)',
    async (code, closeCode) => {
      const [client, peer] = await connected();
      const asked = client.streams();
      await peer.next();
      peer.send({ type: 'error', code: 'limit', message: 'said before' });
      peer.socket.close(closeCode, 'the reason');
      await expect(asked).rejects.toMatchObject({ code, closeCode });
      const error = await client.closed;
      expect(error).toMatchObject({ code, closeCode, message: expect.stringContaining('the reason') });
      expect(error?.cause).toMatchObject({ code: 'limit', message: 'said before' });
      await expect(client.streams()).rejects.toMatchObject({ code: 'closed' });
    },
  );

  it('reject when the connection breaks, and when we close', async () => {
    const [broken, peer] = await connected();
    const asked = broken.streams();
    await peer.next();
    peer.socket.terminate();
    await expect(asked).rejects.toMatchObject({ code: 'closed', closeCode: 1006 });
    const [client] = await connected();
    const pending = client.streams();
    await Promise.all([expect(pending).rejects.toMatchObject({ code: 'closed' }), client.close()]);
    await client.close();
  });

  it('what is no message ends the connection, what is unknown does not', async () => {
    const [client, peer] = await connected();
    peer.socket.send('{"type":"tomorrow","id":1}');
    peer.socket.send('{"type":"ack","slot":77,"nextSeq":1,"colour":"red"}');
    const asked = client.streams();
    peer.send({ type: 'streams', id: (await peer.next()).id, streams: [] });
    await asked;
    peer.socket.send('}');
    expect(await client.closed).toMatchObject({ code: 'badMessage', closeCode: 4500 });
    const [code] = await once(peer.socket, 'close');
    expect(code).toBe(4500);
  });
});

describe('alive', () => {
  it('is sent at the interval, answered at once, and measures the way there and back', async () => {
    const [client, peer] = await connected({}, [
      { ...hello, ping: { interval: 40, timeout: 5000 } },
      welcome,
    ]);
    await vi.waitFor(() => expect(peer.alive.length).toBeGreaterThanOrEqual(2));
    peer.send({ type: 'alive', t: 12.5 });
    await vi.waitFor(() => expect(peer.alive.some(({ echo }) => echo === 12.5)).toBe(true));
    const own = peer.alive.find(({ echo }) => echo === undefined)!;
    // An answer is not answered.
    const answers = peer.alive.filter(({ echo }) => echo !== undefined).length;
    peer.send({ type: 'alive', t: 13, echo: own.t as number });
    await vi.waitFor(() => expect(client.roundTrip).toBeGreaterThan(0));
    expect(peer.alive.filter(({ echo }) => echo !== undefined)).toHaveLength(answers);
    await client.close();
  });

  it('silence ends the connection, any message is a sign of life', async () => {
    const [client, peer] = await connected({}, [{ ...hello, ping: { interval: 40, timeout: 60 } }, welcome]);
    const begun = performance.now();
    for (let i = 0; i < 4; i++) {
      await sleep(50);
      peer.send({ type: 'ack', slot: 0, nextSeq: 0 });
    }
    expect(await client.closed).toMatchObject({ code: 'noAlive', closeCode: 4002 });
    expect(performance.now() - begun).toBeGreaterThan(290);
  });
});
