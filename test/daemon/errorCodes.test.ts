import { describe, expect, test } from 'vitest';
import { type Authenticate, anyone } from '../../src/daemon/principal.ts';
import { type ErrorCode, errorCodes } from '../../src/wire/errorCodes.ts';
import { startDaemon } from '../support/daemon.ts';
import { type RawClient, type RawMessage, type RawSubprotocol, rawClient } from '../support/rawClient.ts';

const open = { type: 'open', stream: 's', channels: [{ name: 'x' }], rate: 10 };

/** May publish what begins with `own/` alone. */
const authenticate: Authenticate = async () => ({
  ...anyone,
  may: (verb, stream) => verb !== 'publish' || stream.startsWith('own/'),
});

type Way = (client: RawClient, url: string) => Promise<RawMessage>;

const refusal = (client: RawClient): Promise<RawMessage> => client.until(({ type }) => type === 'error');

/** The segment log is the first that can be full. */
type Served = Exclude<ErrorCode, 'logFull'>;

/** How a client comes to see each code; typed so that a code without a test is an error. */
const ways: Record<Served, Way> = {
  badMessage: (client) => client.ask({ ...open, rate: 0 }),
  limit: (client) => client.ask({ type: 'streams', pattern: 'x'.repeat(65_536) }),
  async unauthorised() {
    const { url } = await startDaemon({ authenticate });
    const client = await rawClient(url, { headers: { authorization: 'Bearer any' } });
    expect(await client.ask({ ...open, stream: 'own/s' })).toMatchObject({ type: 'opened' });
    return client.ask(open);
  },
  async streamBusy(client, url) {
    await (await rawClient(url)).ask(open);
    return client.ask(open);
  },
  unknownSlot(client) {
    client.samples({ slot: 99, seq: 0, values: [[1]] });
    return refusal(client);
  },
  async seqBelowHead(client, url) {
    const first = await rawClient(url);
    const { slot } = await first.ask(open);
    first.samples({ slot, seq: 0, values: [[1, 2, 3]] });
    await first.ask({ type: 'close', slot });
    const again = await client.ask(open);
    client.samples({ slot: again.slot, seq: 0, values: [[1]] });
    return refusal(client);
  },
  async frameSize(client) {
    const { slot } = await client.ask(open);
    client.samples({ slot, seq: 0, values: [[1], [2]] });
    return refusal(client);
  },
  unknownSubscription: (client) => client.ask({ type: 'unsubscribe', subscription: 4 }),
  async unknownChannel(client) {
    await client.ask(open);
    return client.ask({ type: 'subscribe', streams: ['*'], channels: ['y'] });
  },
  async seqAboveHead(client) {
    const { epoch } = await client.ask(open);
    return client.ask({ type: 'subscribe', streams: ['s'], start: { positions: { s: { epoch, seq: 1 } } } });
  },
};

describe.each<RawSubprotocol>(['firtrend.v1.json', 'firtrend.v1.bin'])(
  'every error code in %s',
  (subprotocol) => {
    test.each(Object.keys(ways) as Served[])('%s, and the connection goes on', async (code) => {
      const { url } = await startDaemon();
      const client = await rawClient(url, { subprotocol });
      const error = await ways[code](client, url);
      expect(error).toMatchObject({
        type: 'error',
        code,
        message: expect.stringMatching(/expected .+, got .+/),
      });
      expect(error.field).toBeTypeOf('string');
      expect(error.id === undefined).not.toBe(error.slot === undefined);
      expect(await client.ask({ type: 'streams' })).toMatchObject({ type: 'streams' });
    });
  },
);

test('there is a way to each of them', () => {
  expect([...Object.keys(ways), 'logFull'].sort()).toEqual([...errorCodes].sort());
});

test('what comes later and lacks a channel is told by an error of the subscription, which goes on', async () => {
  const { url } = await startDaemon();
  const client = await rawClient(url);
  const { id } = await client.ask({ type: 'subscribe', streams: ['*'], channels: ['x'] });
  await client.ask({ ...open, stream: 'other', channels: [{ name: 'y' }] });
  await client.ask({ ...open, stream: 'fits' });
  expect(await refusal(client)).toMatchObject({ id, code: 'unknownChannel', field: 'channels[0]' });
  expect(await client.until(({ type }) => type === 'added')).toMatchObject({
    id,
    streams: [{ name: 'fits' }],
  });
});
