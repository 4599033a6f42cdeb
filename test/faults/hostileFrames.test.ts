import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { closeCodes } from '../../src/wire/closeCodes.ts';
import { errorCodes } from '../../src/wire/errorCodes.ts';
import { counts, seed } from '../support/counts.ts';
import { inProcessDaemon, readFrames, type Wire } from '../support/inProcess.ts';
import { repositoryWith, sampleTaps } from '../support/models.ts';
import { hostile } from './hostileMessages.ts';

const total = counts(200_000, 10_000_000);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Codes that a WebSocket server itself may close with; 1000 to 1014 and 3000 to 4999 may also be the client's own. */
const standard = [1002, 1007, 1009];

test(
  `${total} hostile messages: the documented error or close code, nothing else (from seed ${seed})`,
  async () => {
    const wrong: unknown[] = [];
    const rejected = (reason: unknown): void => void wrong.push(reason);
    process.on('unhandledRejection', rejected);
    const reached: Record<string, number> = {};
    const reach = (what: string): void => {
      reached[what] = (reached[what] ?? 0) + 1;
    };
    const errors = new Set<string>(errorCodes);
    const ours = new Set<number>([...Object.values(closeCodes), ...standard]);
    const daemon = await inProcessDaemon(
      {
        models: await repositoryWith(sampleTaps(9)),
        model: 'test',
        retentionBytes: 256 * 1024,
        limits: {
          streams: 40,
          streamsPerConnection: 30,
          subscriptionsPerConnection: 20,
          messageBytes: 65_536,
        },
      },
      rejected,
    );

    function receive(opcode: number, payload: Buffer): void {
      if (opcode === 1) {
        const message = JSON.parse(payload.toString());
        if (message.type !== 'error') {
          reach(message.type);
          return;
        }
        reach(`error ${message.code}`);
        if (!errors.has(message.code) || typeof message.message !== 'string') wrong.push(message);
      } else if (opcode === 2) {
        reach('frame');
        if (payload[0] !== 2 || payload.length < 48) wrong.push(payload);
      } else if (opcode === 8) {
        closing = true;
        const code = payload.length === 0 ? 1005 : payload.readUInt16BE(0);
        const echoed = payload.length <= 2;
        reach(echoed ? 'close of the client' : `close ${code}`);
        if (!echoed && !ours.has(code)) wrong.push(['close', code]);
      } else if (opcode !== 10) {
        wrong.push(['opcode', opcode]);
      }
    }

    /** The daemon has sent a close: what is sent from here on is thrown away, so it does not count. */
    let closing = false;
    let sent = 0;
    let connections = 0;
    const heaps: number[] = [];
    while (sent < total) {
      const number = connections++;
      closing = false;
      const binary = number % 2 === 1;
      const wire: Wire = daemon.connect(binary ? 'firtrend.v1.bin' : 'firtrend.v1.json', (bytes) =>
        readFrames(bytes, receive),
      );
      const client = hostile(seed + number, binary);
      for (let n = 0; n < 400 && !wire.ended && sent < total; n++) {
        wire.write(client.next());
        if (closing) break;
        sent++;
        // Several at once, as they come over a network.
        if (n % 8 === 7) await new Promise((resolve) => setImmediate(resolve));
      }
      await new Promise((resolve) => setImmediate(resolve));
      wire.cut();
      if (sent >= ((heaps.length + 1) * total) / 20) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        collect();
        heaps.push(process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(wrong).toEqual([]);
    // All have been given back.
    expect(daemon.size).toBe(0);
    collect();
    const [first, last] = [heaps[Math.floor(heaps.length / 4)]!, heaps.at(-1)!];
    process.stdout.write(
      `hostile messages reached ${JSON.stringify({ connections, ...reached })}; MiB ${heaps.map((b) => (b / 2 ** 20).toFixed(1)).join(' ')}\n`,
    );
    expect(last - first).toBeLessThan(8 * 2 ** 20);
    // They got everywhere but where an epoch must be known, a token, or a disk.
    const codes = errorCodes.filter((code) => !['logFull', 'unauthorised', 'seqAboveHead'].includes(code));
    for (const code of codes) expect(reached[`error ${code}`], code).toBeGreaterThan(5);
    for (const code of [4500, 4504, ...standard])
      expect(reached[`close ${code}`], String(code)).toBeGreaterThan(5);
    for (const type of [
      'opened',
      'subscribed',
      'frame',
      'trend',
      'ack',
      'gap',
      'closed',
      'unsubscribed',
      'streams',
      'added',
    ]) {
      expect(reached[type], type).toBeGreaterThan(5);
    }
    await daemon.close();
    process.off('unhandledRejection', rejected);
  },
  counts(240_000, 3 * 3_600_000),
);
