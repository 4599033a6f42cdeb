import type { OpenRequest } from '../wire/clientMessages.ts';
import type { Closed, Opened, Welcome } from '../wire/serverMessages.ts';
import { WireError } from '../wire/wireError.ts';
import type { Connection, Requests } from './connection.ts';
import { makeProducer, type Producer, type ProducerEnd } from './producer.ts';

export interface OpenOptions extends Omit<OpenRequest, 'type' | 'id'> {
  /** Called when the daemon has lost its log and a new epoch has begun: what it had acknowledged is lost. */
  readonly onEpoch?: ((epoch: string) => void) | undefined;
}

export interface ProducersOptions extends Requests {
  readonly maxUnsent: number;
  readonly onWaiting: () => void;
}

const closedBecause = {
  takenOver: 'producer: another one took over its stream',
  forbidden: 'producer: the token no longer allows it',
  deleted: 'producer: its stream was deleted',
  closed: 'producer: the daemon closed it',
} as const;

/** Where an error does not say when to try again (ms). */
const patience = 1000;

/** The producers of a client: by their slots while there is a connection, opened again on the next. */
export class Producers {
  readonly #options: ProducersOptions;
  readonly #all = new Set<ProducerEnd>();
  readonly #bySlot = new Map<number, ProducerEnd>();
  #connection: Connection | undefined;
  /** Says how to encode what waits for the next connection. */
  #latest: Connection | undefined;
  #maxMessage = 0;

  constructor(options: ProducersOptions) {
    this.#options = options;
  }

  /** Whether somebody waits for an acknowledgement that a connection could bring. */
  get waiting(): boolean {
    for (const { waiting } of this.#all) if (waiting) return true;
    return false;
  }

  open({ onEpoch, ...stream }: OpenOptions): Promise<Producer> {
    // With an id of its own it takes its stream back from its own dead connection.
    const asked = { producer: randomId(), ...stream, type: 'open' } as const;
    return this.#options.request(asked, 'opened', (opened) => this.#make(asked, opened, onEpoch));
  }

  attach(connection: Connection, { limits }: Welcome): void {
    this.#connection = connection;
    this.#latest = connection;
    this.#maxMessage = limits.message;
    for (const producer of this.#all) this.#reopen(producer, connection);
  }

  detach(): void {
    this.#connection = undefined;
    this.#bySlot.clear();
    for (const producer of this.#all) {
      producer.detached();
      // Its slot has gone with the connection: nothing is left to give back.
      if (producer.failed) this.#all.delete(producer);
    }
  }

  end(error: WireError): void {
    for (const producer of this.#all) producer.fail(error, true);
    this.#all.clear();
    this.#bySlot.clear();
  }

  acknowledged(slot: number, nextSeq: number): void {
    this.#bySlot.get(slot)?.acknowledged(nextSeq);
  }

  closed({ slot, reason }: Closed): void {
    const code = reason ?? 'closed';
    this.#drop(slot, new WireError(code, closedBecause[code], { slot }));
  }

  refused(slot: number, error: WireError): void {
    // Nothing is wrong with the frame: the daemon keeps it, and acknowledges it when it has space.
    if (error.code === 'logFull') return;
    this.#bySlot.get(slot)?.fail(error, false);
  }

  #make(asked: Omit<OpenRequest, 'id'>, opened: Opened, onEpoch: OpenOptions['onEpoch']): Producer {
    const producer = makeProducer({
      ...{ asked, opened, onEpoch },
      maxMessage: this.#maxMessage,
      maxUnsent: this.#options.maxUnsent,
      encode: (frame) => this.#latest!.encode(frame),
      transmit: (data) => this.#connection?.send(data),
      onWaiting: this.#options.onWaiting,
      giveBack: (slot) => this.#giveBack(producer, slot),
    });
    this.#all.add(producer);
    this.#bySlot.set(opened.slot, producer);
    return producer;
  }

  #reopen(producer: ProducerEnd, connection: Connection): void {
    const accept = (opened: Opened): void => {
      if (!this.#all.has(producer)) return;
      this.#bySlot.set(opened.slot, producer);
      producer.reopened(opened);
    };
    connection.request(producer.openAgain(), 'opened', accept).catch((error: WireError) => {
      if (connection.ended) return;
      if (error.code === 'logFull') {
        setTimeout(() => {
          if (connection === this.#connection && this.#all.has(producer)) this.#reopen(producer, connection);
        }, error.retryAfter ?? patience);
        return;
      }
      this.#all.delete(producer);
      producer.fail(error, true);
    });
  }

  /** A connection that ends gives the slot back too. */
  async #giveBack(producer: ProducerEnd, slot: number): Promise<void> {
    const connection = this.#connection;
    this.#all.delete(producer);
    try {
      await connection?.request({ type: 'close', slot }, 'closed', () => undefined);
    } catch (error) {
      if (!connection?.ended) throw error;
    } finally {
      this.#bySlot.delete(slot);
    }
  }

  #drop(slot: number, error: WireError): void {
    const producer = this.#bySlot.get(slot);
    if (!producer) return;
    this.#bySlot.delete(slot);
    this.#all.delete(producer);
    producer.fail(error, true);
  }
}

function randomId(): string {
  const part = (): string => Math.random().toString(36).slice(2, 12);
  return `client-${part()}${part()}`;
}
