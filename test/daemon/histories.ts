/** Random histories of one stream: devices that resend, lose, reorder, reboot and take over, and a daemon that restarts. */
import type { ChannelInfo } from '../../src/log/sampleLog.ts';
import { integer, randomFrom } from '../filter/support.ts';
import type { Kernel, NaiveOpen, NaiveSamples, Slot, Told } from './naiveStream.ts';

export type HistoryEvent =
  | ({ readonly type: 'open' } & NaiveOpen)
  | ({ readonly type: 'samples' } & NaiveSamples)
  | { readonly type: 'close'; readonly by: Slot; readonly asked: boolean }
  | { readonly type: 'swap'; readonly kernel: Kernel }
  | { readonly type: 'restart'; readonly kept: boolean };

/** A device, with what it believes. */
interface Device {
  readonly id: string | undefined;
  by: Slot;
  epoch: string | undefined;
  /** The number of its next sample. */
  next: number;
}

export const period = 100;
const plain: readonly ChannelInfo[] = [{ name: 'x', offset: 0 }];
const others: readonly (readonly ChannelInfo[])[] = [
  [{ name: 'y', offset: 0 }],
  [{ name: 'x', offset: 3 }],
  [{ name: 'x', unit: 'kPa', offset: 0 }],
];
const kernels: readonly Kernel[] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }, { reason: 'none' }];
const hour = 3_600_000;

/**
 * The events of a history, one at a time: what a device does next depends on what it was told.
 *
 * @param jumps whether the daemon's clock now and then jumps by an hour; nothing else differs
 */
export function history(seed: number, jumps: boolean) {
  const random = randomFrom(seed);
  const chance = (share: number): boolean => random() < share;
  const pick = <T>(all: readonly T[]): T => all[integer(random, 0, all.length - 1)]!;
  const devices: Device[] = [undefined, 'a', 'a', 'b'].map((id, i) => ({
    id,
    by: { connection: i, slot: 1 },
    epoch: undefined,
    next: 0,
  }));
  let connections = devices.length;
  let epochs = 0;
  /** Never twice the same, so that whose sample was kept can be told. */
  let serial = 0;
  let now = 1_000_000;
  let kernel = kernels[0]!;
  let held: HistoryEvent | undefined;
  let owner: Device | undefined;

  function open(device: Device): HistoryEvent {
    device.by = { connection: connections++, slot: integer(random, 1, 3) };
    const quoting = random();
    const epoch = quoting < 0.5 ? device.epoch : quoting < 0.6 ? 'ffff' : undefined;
    const nextSeq =
      epoch === undefined || chance(0.2)
        ? undefined
        : device.next + (chance(0.1) ? integer(random, 1, 9) : 0);
    return {
      type: 'open',
      by: device.by,
      channels: chance(0.05) ? pick(others) : plain,
      rate: chance(0.03) ? 20 : 1000 / period,
      id: device.id,
      epoch,
      nextSeq,
      takeover: chance(0.3),
      freshEpoch: (++epochs).toString(16).padStart(16, '0'),
      kernel: chance(0.1) ? pick(kernels) : kernel,
    };
  }

  function frame(device: Device): HistoryEvent {
    const rows = integer(random, 1, 8);
    const kind = random();
    let seq: number | undefined = device.next;
    if (kind < 0.2) seq = undefined;
    else if (kind < 0.35) seq = Math.max(0, device.next - integer(random, 1, 30));
    else if (kind < 0.45) seq = device.next + integer(random, 1, 20);
    else if (kind < 0.48) seq = 0;
    else if (kind < 0.49) seq = Number.MAX_SAFE_INTEGER;
    if (seq !== undefined && seq < 1e9) device.next = Math.max(device.next, seq + rows);
    const timed = chance(0.5);
    return {
      type: 'samples',
      by: device.by,
      seq,
      // By its own clock, which the daemon's jumps do not touch.
      time: timed ? 5_000_000 + (device.next - rows) * period + (chance(0.05) ? hour : 0) : undefined,
      period: chance(0.1) ? 2 * period : undefined,
      values: Array.from({ length: rows }, () => ++serial),
      now,
    };
  }

  return {
    next(): HistoryEvent {
      now += integer(random, 0, 3 * period);
      const jump = chance(0.03) ? (chance(0.5) ? hour : -hour) : 0;
      if (jumps) now += jump;
      if (held && chance(0.7)) {
        // What came out of order comes now.
        const late = held;
        held = undefined;
        return late;
      }
      // Mostly the one that was taken last: the others' frames are dropped.
      const device = owner !== undefined && chance(0.7) ? owner : pick(devices);
      const what = random();
      if (what < 0.12) return open(device);
      if (what < 0.16) return { type: 'close', by: device.by, asked: chance(0.5) };
      if (what < 0.2) {
        kernel = pick(kernels);
        return { type: 'swap', kernel };
      }
      if (what < 0.215) return { type: 'restart', kept: chance(0.7) };
      if (what < 0.3) {
        held = frame(device);
        return frame(device);
      }
      return frame(device);
    },

    /** The devices hear what they are told. */
    hear(told: readonly Told[]): void {
      for (const reply of told) {
        const device = devices.find(
          ({ by }) => by.connection === reply.to.connection && by.slot === reply.to.slot,
        );
        if (!device || reply.type !== 'opened') continue;
        owner = device;
        // A device that knows the epoch goes on with its own numbers now and then; one that rebooted may count from 0.
        const goesOn = device.epoch === reply.epoch && chance(0.5);
        device.epoch = reply.epoch;
        if (!goesOn) device.next = chance(0.1) ? 0 : reply.nextSeq;
      }
    },
  };
}
