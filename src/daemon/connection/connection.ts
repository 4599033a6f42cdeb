import type {
  ClientMessage,
  OpenMessage,
  SamplesMessage,
  SubscribeMessage,
} from '../../wire/clientMessages.ts';
import { closeCodes } from '../../wire/closeCodes.ts';
import type { ServerCodec } from '../../wire/codec.ts';
import type { Closed, Hello, Welcome } from '../../wire/serverMessages.ts';
import { WireError } from '../../wire/wireError.ts';
import type { Hub } from '../hub/hub.ts';
import type { Subscription } from '../hub/subscription.ts';
import type { Incoming } from '../ingest/ingest.ts';
import type { Count, FilterChoice, Reply } from '../ingest/step.ts';
import type { Limits } from '../limits.ts';
import { logFullError } from '../logFullError.ts';
import { type Authenticate, anyone, type Principal, type Verb } from '../principal.ts';
import type { ServerSocket } from '../webSocket/serverSocket.ts';
import { admission } from './admission.ts';
import type { Corks } from './corks.ts';
import { type Inbox, inbox } from './inbox.ts';
import { producers } from './producers.ts';
import { socketOutbound } from './socketOutbound.ts';
import type { TrendFrames } from './trendFrames.ts';

/** What a connection needs of the daemon. */
export interface ConnectionPorts {
  readonly hello: Hello;
  /** What every client is welcomed with; the rest is about its principal. */
  readonly welcome: () => Omit<Welcome, 'id' | 'principal' | 'scopes' | 'expires'>;
  readonly limits: Limits;
  /** Undefined: everybody may do everything. */
  readonly authenticate: Authenticate | undefined;
  readonly hub: Hub;
  /** Hands an event to its stream. */
  readonly ingest: (incoming: Incoming) => void;
  /** Which kernel a stream that begins now would have. */
  readonly choose: (stream: string, channels: readonly string[], rate: number) => FilterChoice;
  /** Whether the log has no space left. */
  readonly logFull: () => boolean;
  /** A new random epoch. */
  readonly freshEpoch: () => string;
  readonly count: (name: Count, by: number) => void;
  readonly frames: TrendFrames;
  readonly corks: Corks;
  /** Where an error of our own that a message has brought to light is told. */
  readonly broken: (error: unknown) => void;
  /** The connection is over: nothing more comes of it. */
  readonly ended: () => void;
}

/** A WebSocket that has been accepted. */
export interface Accepted {
  readonly socket: ServerSocket;
  readonly codec: ServerCodec;
  /** Of the `Authorization` header of the upgrade. */
  readonly token: string | undefined;
}

export interface Connection {
  /** Undefined until a token has been found good. */
  readonly principal: Principal | undefined;
  /** Whether more waits to be sent to it than the byte budget allows. */
  readonly congested: boolean;
  /** An answer of a stream to this connection's producer. */
  reply(reply: Reply): void;
  /** Sends the acknowledgements that have gathered: the last of each slot. */
  flushAcks(): void;
  /** Tells the client, for each stream it feeds, that nothing is acknowledged until there is space. */
  logFull(): void;
  /** Tells the client that the connection will be closed at the deadline (ms since 1970). */
  drain(deadline: number): void;
  end(code: number, reason: string): void;
}

/** One WebSocket, from `hello` to its end: hands each message to its room, and says who may do what. */
export function connection(number: number, accepted: Accepted, ports: ConnectionPorts): Connection {
  const { socket, codec, token } = accepted;
  const { limits, hub } = ports;
  const { interval, timeout } = ports.hello.ping;
  const outbound = socketOutbound({
    ...accepted,
    frames: ports.frames,
    corks: ports.corks,
    limits,
    answersWait: (waiting) => input.reading.hold('answers', waiting),
    ended,
  });
  const input: Inbox = inbox({
    socket,
    codec,
    limits,
    take,
    refuse,
    fault,
    closed: outbound.over,
    end: outbound.end,
  });
  const produced = producers(limits.windowBytes, (full) => input.reading.hold('window', full));
  const admitted = admission({
    authenticate: ports.authenticate ?? (async () => anyone),
    timeoutMs: limits.authTimeoutMs,
    admitted: welcome,
    refused: refuse,
    end: outbound.end,
    broken: fault,
  });
  const subscriptions = new Map<number, Subscription>();
  const acks = new Map<number, number>();
  const slots = { producing: 0, subscribing: 0 };
  let beat = performance.now();
  let over = false;

  function may(verb: Verb, name: string): boolean {
    return admitted.principal?.may(verb, name) ?? false;
  }
  const maySee = (name: string): boolean => may('subscribe', name);

  /** Says why; ends the connection where no answer would do. */
  function refuse(error: WireError): void {
    const { id, slot, field, retryAfter, closeCode, message } = error;
    const code = error.code as 'badMessage';
    outbound.reply({ type: 'error', id, slot, code, message, field, retryAfter });
    if (closeCode !== undefined) outbound.end(closeCode, message);
  }

  /** An error of ours: it costs this connection, not the daemon. */
  function fault(error: unknown): void {
    ports.broken(error);
    outbound.end(closeCodes.internal, 'an internal error');
  }

  function take(message: ClientMessage, bytes: number): void {
    if (message.type === 'alive') {
      // One without echo asks for the way there and back; one with it is an answer.
      if (message.echo === undefined) outbound.reply({ type: 'alive', t: Date.now(), echo: message.t });
      return;
    }
    if (message.type === 'auth') {
      input.waitFor(admitted.admit(message.token, message.id));
      return;
    }
    if (!admitted.principal) {
      const text = `type: expected auth before anything else, got ${message.type}`;
      const detail = { id: 'id' in message ? message.id : undefined, field: 'type' };
      throw new WireError('unauthorised', text, { ...detail, closeCode: closeCodes.unauthorised });
    }
    switch (message.type) {
      case 'samples':
        samples(message, bytes);
        return;
      case 'open':
        open(message);
        return;
      case 'close':
        close(message.id, message.slot);
        return;
      case 'subscribe':
        subscribe(message);
        return;
      case 'unsubscribe':
        unsubscribe(message.id, message.subscription);
        return;
      case 'streams': {
        const { id, pattern = '**' } = message;
        outbound.reply({ type: 'streams', id, streams: hub.streams(pattern, maySee) });
        return;
      }
    }
  }

  /** Also when a token is renewed: what it no longer allows ends. */
  function welcome({ name, scopes, expires }: Principal, id: number | undefined): void {
    const principal = ports.authenticate ? name : null;
    outbound.reply({ ...ports.welcome(), id, principal, scopes, expires: expires ?? null });
    for (const { slot, stream } of produced.all()) {
      if (may('publish', stream) || !produced.isOpen(slot)) continue;
      giveUp(slot, stream);
      closed(slot, { reason: 'forbidden' });
    }
    for (const subscription of subscriptions.values()) subscription.renewed();
  }

  function giveUp(slot: number, stream: string): void {
    ports.ingest({ stream, event: { type: 'close', by: { connection: number, slot } } });
  }

  function samples(message: SamplesMessage, bytes: number): void {
    const { slot, seq, time, period, rows, channels, values } = message;
    const stream = produced.take(message, bytes);
    if (message.overflow > 0) ports.count('overflowSamples', message.overflow);
    const by = { connection: number, slot };
    ports.ingest({
      stream,
      event: {
        type: 'samples',
        by,
        seq,
        time,
        period,
        rows,
        channels,
        values,
        receivedAt: Date.now(),
        bytes,
      },
    });
  }

  function open(message: OpenMessage): void {
    const { id, stream, channels, rate, producer, epoch, nextSeq, takeover } = message;
    mayPublish(stream, id);
    if (ports.logFull()) throw logFullError({ id });
    mustFit(id, 'channels', channels.length, 'channels', 'channels of a stream');
    mustFit(id, 'stream', produced.size + 1, 'streamsPerConnection', 'streams fed by one connection');
    const by = { connection: number, slot: slots.producing++ };
    produced.opening(by.slot, stream, channels.length);
    const names = channels.map(({ name }) => name);
    const filter = ports.choose(stream, names, rate);
    const asked = { id, channels, rate, producer, epoch, nextSeq, takeover };
    ports.ingest({
      stream,
      event: { type: 'open', by, ...asked, freshEpoch: ports.freshEpoch(), filter },
    });
  }

  function mayPublish(stream: string, id: number): void {
    if (may('publish', stream)) return;
    const text = `stream: expected one that the token may publish, got ${stream}`;
    throw new WireError('unauthorised', text, { id, field: 'stream' });
  }

  function mustFit(id: number, field: string, count: number, limit: keyof Limits, what: string): void {
    const most = limits[limit];
    if (count <= most) return;
    const text = `${field}: expected at most ${most} ${what} (limits.${limit}), got ${count}`;
    throw new WireError('limit', text, { id, field });
  }

  function close(id: number, slot: number): void {
    const stream = produced.stream(slot);
    if (stream === undefined) {
      const text = `slot: expected one that "opened" gave, got ${slot}`;
      throw new WireError('unknownSlot', text, { id, field: 'slot' });
    }
    ports.ingest({ stream, event: { type: 'close', by: { connection: number, slot }, id } });
  }

  function subscribe(message: SubscribeMessage): void {
    const { id } = message;
    mustFit(id, 'streams', subscriptions.size + 1, 'subscriptionsPerConnection', 'subscriptions');
    const made = hub.subscribe(message, { outbound, nextSlot: () => slots.subscribing++, may: maySee });
    subscriptions.set(id, made);
    // Its own answer may have ended the connection.
    if (over) made.close();
  }

  function unsubscribe(id: number, subscription: number): void {
    const mine = subscriptions.get(subscription);
    if (!mine) {
      const text = `subscription: expected the id of a subscribe, got ${subscription}`;
      throw new WireError('unknownSubscription', text, { id, field: 'subscription' });
    }
    mine.close();
    subscriptions.delete(subscription);
    outbound.reply({ type: 'unsubscribed', id, subscription });
  }

  /** Both ways as messages, for browsers do not see pings. */
  function alive(): void {
    const now = performance.now();
    const silence = now - input.heardAt;
    if (silence > interval + timeout) {
      const ms = Math.round(silence);
      if (input.reading.held('answers')) {
        outbound.end(closeCodes.controlBacklog, `answers have not been read for ${ms} ms`);
        return;
      }
      // Otherwise a socket that we do not read cannot be heard.
      if (!socket.isPaused) {
        const expected = `expected "alive" each ${interval} ms`;
        outbound.end(closeCodes.noAlive, `nothing heard for ${ms} ms, ${expected}`);
        return;
      }
    }
    if (now - beat < interval) return;
    beat = now;
    const silent = [...subscriptions.values()].flatMap((subscription) => subscription.silent());
    outbound.control({ type: 'alive', t: Date.now(), ...(silent.length > 0 && { slots: silent }) });
  }

  const timer = setInterval(alive, Math.min(interval, timeout) / 4);

  /** Gives back all that this connection holds, at once: not when the other end gets round to closing. */
  function ended(): void {
    over = true;
    clearInterval(timer);
    input.stop();
    admitted.stop();
    for (const subscription of subscriptions.values()) subscription.close();
    for (const { slot, stream } of produced.all()) giveUp(slot, stream);
    ports.ended();
  }

  function flushAck(slot: number): void {
    const nextSeq = acks.get(slot);
    if (nextSeq !== undefined) outbound.reply({ type: 'ack', slot, nextSeq });
    acks.delete(slot);
  }

  function closed(slot: number, why: Pick<Closed, 'id' | 'reason'>): void {
    flushAck(slot);
    produced.closed(slot);
    outbound.reply({ type: 'closed', slot, ...why });
  }

  function opened({ id, to, epoch, nextSeq }: Extract<Reply, { type: 'opened' }>): void {
    const stream = produced.stream(to.slot)!;
    try {
      // The token may have been renewed meanwhile.
      mayPublish(stream, id);
    } catch (error) {
      giveUp(to.slot, stream);
      produced.closed(to.slot);
      refuse(error as WireError);
      return;
    }
    produced.opened(to.slot);
    outbound.reply({ type: 'opened', id, slot: to.slot, epoch, nextSeq, window: limits.windowBytes });
  }

  outbound.reply(ports.hello);
  if (!ports.authenticate || token !== undefined) input.waitFor(admitted.admit(token, undefined));

  return {
    get congested() {
      return outbound.congested;
    },
    get principal() {
      return admitted.principal;
    },
    reply(reply) {
      const { slot } = reply.to;
      const known = produced.stream(slot) !== undefined;
      switch (reply.type) {
        case 'opened':
          opened(reply);
          return;
        case 'ack':
          if (!known) return;
          acks.set(slot, reply.nextSeq);
          produced.answered(slot, reply.bytes);
          return;
        case 'closed':
          if (known || reply.id !== undefined) closed(slot, { id: reply.id, reason: reply.reason });
          return;
        case 'error': {
          const { id, code, field, message } = reply;
          flushAck(slot);
          if (id === undefined) produced.answered(slot, reply.bytes ?? 0);
          else produced.closed(slot);
          const concerned = id === undefined ? { slot } : { id };
          outbound.reply({ type: 'error', ...concerned, code, field, message });
          return;
        }
        // For whoever deletes streams, which is no producer.
        case 'deleted':
          return;
      }
    },
    flushAcks() {
      for (const slot of [...acks.keys()]) flushAck(slot);
    },
    logFull() {
      for (const { slot } of produced.all()) {
        if (produced.isOpen(slot)) refuse(logFullError({ slot }));
      }
    },
    drain: (deadline) => outbound.control({ type: 'draining', deadline }),
    end: outbound.end,
  };
}
