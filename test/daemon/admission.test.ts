import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Authenticate, unauthorised, type Verb } from '../../src/daemon/principal.ts';
import { matches } from '../../src/wire/names.ts';
import { startDaemon } from '../support/daemon.ts';
import { type RawClient, type RawMessage, rawClient } from '../support/rawClient.ts';

/**
 * A token says what it allows: `NAME VERB:PATTERN VERB:PATTERN …`, and perhaps `ends:MS`. It is looked at for 30 ms; one that
 * begins with `bad` is refused.
 */
const authenticate: Authenticate = async (token = '') => {
  await sleep(30);
  const [name = '', ...scopes] = token.split(' ');
  if (name === '' || name === 'bad') throw unauthorised('token: expected one that is known, got another');
  const ends = scopes.find((scope) => scope.startsWith('ends:'));
  return {
    name,
    scopes,
    ...(ends && { expires: Date.now() + Number(ends.slice(5)) }),
    may: (verb: Verb, stream: string) =>
      scopes.some((scope) => {
        const [allowed, pattern] = scope.split(':');
        return allowed === verb && matches(pattern!, stream);
      }),
  };
};

const open = (stream: string) => ({ type: 'open', stream, channels: [{ name: 'x' }], rate: 10 });

async function guarded(limits = {}): Promise<string> {
  return (await startDaemon({ authenticate, limits })).url;
}

function withToken(url: string, token: string): Promise<RawClient> {
  return rawClient(url, { headers: { authorization: `Bearer ${token}` } });
}

async function as(url: string, token: string): Promise<RawClient> {
  const client = await rawClient(url, { first: 'hello' });
  await client.ask({ type: 'auth', id: 0, token });
  return client;
}

/** An answer without what names the question. */
function shape({ id: _, ...rest }: RawMessage, name: string): string {
  return JSON.stringify(rest).replaceAll(name, 'NAME');
}

describe('who one is', () => {
  test('by auth: welcome says it, with the id', async () => {
    const client = await rawClient(await guarded(), { first: 'hello' });
    expect(client.messages).toMatchObject([{ type: 'hello', authRequired: true }]);
    const welcome = await client.ask({ type: 'auth', id: 7, token: 'anna subscribe:**' });
    expect(welcome).toMatchObject({ id: 7, principal: 'anna', scopes: ['subscribe:**'], expires: null });
  });

  test('by the header of the upgrade: welcome follows hello, without an id', async () => {
    const url = await guarded();
    const client = await withToken(url, 'anna');
    expect(client.messages.map(({ type }) => type)).toEqual(['hello', 'welcome']);
    expect(client.messages[1]).toMatchObject({ principal: 'anna' });
    expect(client.messages[1]).not.toHaveProperty('id');
    const refused = await rawClient(url, { headers: { authorization: 'Bearer bad' }, first: 'nothing' });
    expect((await refused.closed).code).toBe(4501);
  });

  test('without authentication: nobody in particular', async () => {
    const client = await rawClient((await startDaemon()).url);
    expect(client.messages).toMatchObject([
      { authRequired: false },
      { principal: null, scopes: ['*'], expires: null },
    ]);
  });

  test.each([
    ['open', open('s')],
    ['subscribe', { type: 'subscribe', streams: ['**'] }],
    ['streams', { type: 'streams' }],
    ['samples', { type: 'samples', slot: 0, values: [[1]] }],
  ])('before that nothing else is heard: %s closes with 4501', async (_, message) => {
    const client = await rawClient(await guarded(), { first: 'hello' });
    client.send({ id: 1, ...message, ...(message.type === 'samples' && { id: undefined }) });
    expect((await client.closed).code).toBe(4501);
    expect(client.messages.at(-1)).toMatchObject({ type: 'error', code: 'unauthorised', field: 'type' });
  });

  test('what comes on the heels of auth waits for the answer', async () => {
    const client = await rawClient(await guarded(), { first: 'hello' });
    client.send({ type: 'auth', id: 1, token: 'anna publish:a subscribe:**' });
    client.send({ id: 2, ...open('a') });
    client.send({ id: 3, ...open('b') });
    client.send({ type: 'auth', id: 4, token: 'anna publish:b' });
    client.send({ id: 5, ...open('b') });
    client.send({ type: 'streams', id: 6 });
    await client.until((m) => m.id === 5);
    await client.until((m) => m.id === 6);
    const told = client.messages.filter(({ id }) => id !== undefined);
    expect(new Map(told.map(({ id, type }) => [id, type]))).toEqual(
      new Map([
        [1, 'welcome'],
        [2, 'opened'],
        [3, 'error'],
        [4, 'welcome'],
        [5, 'opened'],
        [6, 'streams'],
      ]),
    );
    expect(told.find(({ id }) => id === 6)).toMatchObject({ streams: [] });
  });
});

describe('what one may', () => {
  test('patterns show what the token may see, and nothing of the rest, now or later', async () => {
    const url = await guarded();
    const [producer, reader] = await Promise.all([as(url, 'p publish:**'), as(url, 'r subscribe:lab/*')]);
    await producer.ask({ id: 1, ...open('lab/a') });
    await producer.ask({ id: 2, ...open('hall/a') });
    const names = (m: RawMessage): string[] => m.streams.map((s: { name: string }) => s.name);
    expect(names(await reader.ask({ type: 'subscribe', id: 1, streams: ['**'] }))).toEqual(['lab/a']);
    expect(names(await reader.ask({ type: 'streams', id: 2 }))).toEqual(['lab/a']);
    const { slot } = await producer.ask({ id: 3, ...open('hall/b') });
    producer.samples({ slot, values: [[1]] });
    await producer.ask({ id: 4, ...open('lab/b') });
    await reader.until(({ type }) => type === 'added');
    expect(reader.messages.filter(({ type }) => type === 'added').flatMap(names)).toEqual(['lab/b']);
    expect(JSON.stringify(reader.messages)).not.toContain('hall');
  });

  test('what is forbidden and what does not exist answer alike', async () => {
    const url = await guarded();
    const [producer, other] = await Promise.all([as(url, 'p publish:**'), as(url, 'o subscribe:lab/*')]);
    await producer.ask({ id: 1, ...open('secret') });
    const ask = async (name: string, id: number): Promise<string[]> => {
      const position = { epoch: '0'.repeat(16), seq: 5 };
      const answers = [
        await other.ask({ type: 'subscribe', id, streams: [name] }),
        await other.ask({ type: 'subscribe', id: id + 1, streams: [name], channels: ['nope'] }),
        await other.ask({
          type: 'subscribe',
          id: id + 2,
          streams: [name],
          start: { positions: { [name]: position } },
        }),
        await other.ask({ type: 'streams', id: id + 3, pattern: name }),
        await other.ask({ id: id + 4, ...open(name) }),
      ];
      return answers.map((answer) => shape(answer, name));
    };
    expect(await ask('secret', 10)).toEqual(await ask('nothing', 20));
  });

  test('publishing needs its own scope', async () => {
    const url = await guarded();
    const client = await as(url, 'c subscribe:**');
    expect(await client.ask({ id: 1, ...open('s') })).toMatchObject({
      code: 'unauthorised',
      field: 'stream',
      message: expect.stringContaining('may publish, got s'),
    });
  });
});

describe('a token that is renewed', () => {
  test('ends what it no longer allows, and shows what it newly does', async () => {
    const url = await guarded();
    const feeder = await as(url, 'f publish:**');
    const lab = await feeder.ask({ id: 1, ...open('lab') });
    const hall = await feeder.ask({ id: 2, ...open('hall') });
    const client = await as(url, 'c publish:mine subscribe:lab');
    const mine = await client.ask({ id: 1, ...open('mine') });
    const { streams } = await client.ask({ type: 'subscribe', id: 2, streams: ['*'] });
    expect(streams).toMatchObject([{ name: 'lab' }]);
    client.samples({ slot: mine.slot, values: [[1, 2]] });
    await client.ask({ type: 'auth', id: 3, token: 'c subscribe:hall' });
    expect(await client.until(({ type }) => type === 'closed')).toMatchObject({
      slot: mine.slot,
      reason: 'forbidden',
    });
    expect(await client.until(({ type }) => type === 'removed')).toMatchObject({
      id: 2,
      slots: [streams[0].slot],
      reason: 'forbidden',
    });
    const added = await client.until(({ type }) => type === 'added');
    expect(added).toMatchObject({ id: 2, streams: [{ name: 'hall', nextSeq: 0 }] });
    feeder.samples({ slot: lab.slot, values: [[1]] });
    feeder.samples({ slot: hall.slot, values: [[2]] });
    await client.until(({ type }) => type === 'trend');
    expect(client.messages.filter(({ type }) => type === 'trend')).toMatchObject([
      { slot: added.streams[0].slot },
    ]);
    client.samples({ slot: mine.slot, values: [[3]] });
    expect(await client.until((m) => m.code === 'unknownSlot')).toMatchObject({ slot: mine.slot });
    // Its stream is free, and holds what was sent before.
    expect(await feeder.ask({ id: 3, ...open('mine') })).toMatchObject({ type: 'opened', nextSeq: 2 });
  });

  test('lives on beyond the end of the first one; one that is not ends with 4004', async () => {
    const url = await guarded();
    const [renewed, left] = await Promise.all([as(url, 'a ends:300'), as(url, 'b ends:300')]);
    await renewed.ask({ type: 'auth', id: 1, token: 'a ends:60000' });
    expect((await left.closed).code).toBe(4004);
    await sleep(100);
    expect(await renewed.ask({ type: 'streams', id: 2 })).toMatchObject({ type: 'streams' });
  });

  test('is refused: the connection ends with 4501', async () => {
    const client = await as(await guarded(), 'a subscribe:**');
    expect(await client.ask({ type: 'auth', id: 1, token: 'bad' })).toMatchObject({
      code: 'unauthorised',
      id: 1,
    });
    expect((await client.closed).code).toBe(4501);
  });

  test('one that has ended already is none', async () => {
    const client = await rawClient(await guarded(), { first: 'hello' });
    client.send({ type: 'auth', id: 1, token: 'late ends:-1000' });
    expect(await client.closed).toMatchObject({ code: 4501, reason: expect.stringContaining('has ended') });
  });
});
