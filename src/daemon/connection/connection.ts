import type { RawData, WebSocket } from 'ws';
import type { ClientMessage, OpenMessage, SamplesMessage } from '../../wire/clientMessages.ts';
import { closeCodes } from '../../wire/closeCodes.ts';
import type { ServerCodec } from '../../wire/codec.ts';
import type { Hello, Welcome } from '../../wire/serverMessages.ts';
import { WireError } from '../../wire/wireError.ts';
import type { Hub } from '../hub/hub.ts';
import type { Subscription } from '../hub/subscription.ts';
import type { Incoming } from '../ingest/ingest.ts';
import type { Count, FilterChoice, Reply } from '../ingest/step.ts';
import { producers, producerWindow } from './producers.ts';
import { type SharedBodies, socketOutbound } from './socketOutbound.ts';

/** What a connection needs of the daemon. */
export interface ConnectionPorts {
  readonly hello: Hello;
  readonly welcome: Omit<Welcome, 'id'>;
  readonly hub: Hub;
  /** Hands an event to its stream. */
  readonly ingest: (incoming: Incoming) => void;
  /** Which kernel a stream that begins now would have. */
  readonly choose: (channels: readonly string[], rate: number) => FilterChoice;
  /** A new random epoch. */
  readonly freshEpoch: () => string;
  readonly count: (name: Count, by: number) => void;
  readonly shared: SharedBodies;
  /** Where an error of our own that a message has brought to light is told. */
  readonly broken: (error: unknown) => void;
  /** The connection is over: nothing more comes of it. */
  readonly ended: () => void;
}

export interface Connection {
  /** An answer of a stream to this connection's producer. */
  reply(reply: Reply): void;
  /** Sends the acknowledgements that have gathered: the last of each slot. */
  flushAcks(): void;
  end(code: number, reason: string): void;
}

/** One WebSocket, from `hello` to its end: parses, checks the order of ids, and hands each message to its room. */
export function connection(
  number: number,
  socket: WebSocket,
  codec: ServerCodec,
  ports: ConnectionPorts,
): Connection {
  const outbound = socketOutbound(socket, codec, ports.shared, ended);
  const produced = producers(number, (on) => (on ? socket.pause() : socket.resume()));
  const subscriptions = new Map<number, Subscription>();
  const acks = new Map<number, number>();
  const { interval, timeout } = ports.hello.ping;
  let lastId = -1;
  let slots = 0;
  let heard = performance.now();
  let beat = heard;
  let over = false;

  function receive(data: RawData, isBinary: boolean): void {
    // What was on its way when this side ended the connection changes nothing any more.
    if (over) return;
    heard = performance.now();
    const text = isBinary ? new Uint8Array(data as Buffer) : data.toString();
    try {
      take(parsed(text), text.length);
    } catch (error) {
      if (error instanceof WireError) {
        refuse(error);
      } else {
        // An error of ours, not of the message's: it costs this connection, not the daemon.
        ports.broken(error);
        outbound.end(closeCodes.internal, 'an internal error');
      }
    }
  }

  /** A message with an id is new, whether or not the rest of it is right. */
  function parsed(text: string | Uint8Array): ClientMessage {
    try {
      const message = codec.parseClientMessage(text);
      if ('id' in message) mustGrow(message.id);
      return message;
    } catch (error) {
      if (error instanceof WireError && error.id !== undefined) mustGrow(error.id);
      throw error;
    }
  }

  function mustGrow(id: number): void {
    if (id <= lastId) {
      const text = `id: expected more than ${lastId}, the last one, got ${id}`;
      throw new WireError('badMessage', text, { field: 'id', closeCode: closeCodes.idReused });
    }
    lastId = id;
  }

  /** Says why; ends the connection where the parser says that no answer would do. */
  function refuse(error: WireError): void {
    const { id, slot, field, retryAfter, closeCode, message } = error;
    const code = error.code as 'badMessage';
    outbound.control({ type: 'error', id, slot, code, message, field, retryAfter });
    if (closeCode !== undefined) outbound.end(closeCode, message);
  }

  function take(message: ClientMessage, bytes: number): void {
    if (message.type === 'alive') {
      // One without echo asks for the way there and back; one with it is an answer.
      if (message.echo === undefined) outbound.control({ type: 'alive', t: Date.now(), echo: message.t });
      return;
    }
    if (message.type === 'samples') {
      takeSamples(message, bytes);
      return;
    }
    switch (message.type) {
      case 'auth':
        outbound.control({ ...ports.welcome, id: message.id });
        return;
      case 'open':
        open(message);
        return;
      case 'close':
        close(message.id, message.slot);
        return;
      case 'subscribe':
        subscriptions.set(
          message.id,
          ports.hub.subscribe(message, outbound, () => slots++),
        );
        return;
      case 'unsubscribe':
        unsubscribe(message.id, message.subscription);
        return;
      case 'streams':
        outbound.control({
          type: 'streams',
          id: message.id,
          streams: ports.hub.streams(message.pattern ?? '**'),
        });
        return;
    }
  }

  function takeSamples(message: SamplesMessage, bytes: number): void {
    const { slot, seq, time, period, rows, planes } = message;
    const stream = produced.take(message, bytes);
    if (message.overflow > 0) ports.count('overflowSamples', message.overflow);
    const by = { connection: number, slot };
    ports.ingest({
      stream,
      event: { type: 'samples', by, seq, time, period, rows, planes, receivedAt: Date.now(), bytes },
    });
  }

  function open(message: OpenMessage): void {
    const { id, stream, channels, rate, producer, epoch, nextSeq, takeover } = message;
    const by = { connection: number, slot: slots++ };
    produced.opening(by.slot, stream, channels.length);
    const filter = ports.choose(
      channels.map(({ name }) => name),
      rate,
    );
    const freshEpoch = ports.freshEpoch();
    const asked = { id, channels, rate, producer, epoch, nextSeq, takeover };
    ports.ingest({ stream, event: { type: 'open', by, ...asked, freshEpoch, filter } });
  }

  function close(id: number, slot: number): void {
    const stream = produced.stream(slot);
    if (stream === undefined) {
      throw new WireError('unknownSlot', `slot: expected one that "opened" gave, got ${slot}`, {
        id,
        field: 'slot',
      });
    }
    ports.ingest({ stream, event: { type: 'close', by: { connection: number, slot }, id } });
  }

  function unsubscribe(id: number, subscription: number): void {
    const held = subscriptions.get(subscription);
    if (!held) {
      const text = `subscription: expected the id of a subscribe, got ${subscription}`;
      throw new WireError('unknownSubscription', text, { id, field: 'subscription' });
    }
    held.close();
    subscriptions.delete(subscription);
    outbound.control({ type: 'unsubscribed', id, subscription });
  }

  /** Both ways as messages, for browsers do not see pings. */
  function alive(): void {
    const now = performance.now();
    // A socket that we do not read cannot be heard.
    if (!socket.isPaused && now - heard > interval + timeout) {
      const silence = Math.round(now - heard);
      outbound.end(
        closeCodes.noAlive,
        `nothing heard for ${silence} ms, expected "alive" each ${interval} ms`,
      );
      return;
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
    for (const subscription of subscriptions.values()) subscription.close();
    for (const by of produced.all()) {
      ports.ingest({ stream: produced.stream(by.slot)!, event: { type: 'close', by } });
    }
    ports.ended();
  }

  function flushAck(slot: number): void {
    const nextSeq = acks.get(slot);
    if (nextSeq !== undefined) outbound.control({ type: 'ack', slot, nextSeq });
    acks.delete(slot);
  }

  socket.on('message', receive);
  outbound.control(ports.hello);
  outbound.control(ports.welcome);

  return {
    reply(reply) {
      const { slot } = reply.to;
      switch (reply.type) {
        case 'opened':
          produced.opened(slot);
          outbound.control({
            type: 'opened',
            id: reply.id,
            slot,
            epoch: reply.epoch,
            nextSeq: reply.nextSeq,
            window: producerWindow,
          });
          return;
        case 'ack':
          acks.set(slot, reply.nextSeq);
          produced.answered(slot, reply.bytes);
          return;
        case 'closed':
          flushAck(slot);
          produced.closed(slot);
          outbound.control({ type: 'closed', id: reply.id, slot, reason: reply.reason });
          return;
        case 'error': {
          const { id, code, field, message } = reply;
          flushAck(slot);
          if (id === undefined) produced.answered(slot, reply.bytes ?? 0);
          else produced.closed(slot);
          outbound.control({
            type: 'error',
            id,
            slot: id === undefined ? slot : undefined,
            code,
            field,
            message,
          });
          return;
        }
      }
    },
    flushAcks() {
      for (const slot of [...acks.keys()]) flushAck(slot);
    },
    end: outbound.end,
  };
}
