import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect } from '../../client/client.ts';
import type { Producer } from '../../client/producer.ts';
import type { Subscription } from '../../client/subscription.ts';
import { FirtrendError } from '../../dsp/error.ts';
import { readRecording } from '../../train/readRecording.ts';
import type { Recording } from '../../train/recording.ts';
import { note } from '../output.ts';
import { recordingFrames } from '../recordingFrames.ts';
import { trainModel } from '../trainModel.ts';
import { daemonProcess } from './daemonProcess.ts';
import { display } from './display.ts';

const recordingFile = fileURLToPath(new URL('../../../recordings/gait-accelerometer.csv', import.meta.url));
/** Rows of a frame: 16 frames a second at 64 Hz. */
const frameRows = 4;
/** How long after the last sample its trend may come. */
const patience = 5000;

export interface DemoOptions {
  /** Undefined: until SIGINT or SIGTERM. */
  readonly seconds: number | undefined;
  readonly port: number;
  readonly models: string;
}

export interface DemoSummary {
  readonly model: string;
  readonly backend: string;
  readonly samplesIn: number;
  readonly trendsOut: number;
  readonly lost: number;
  /** From handing a frame to the socket to holding its trend (ms). */
  readonly medianLatency: number;
  readonly p99Latency: number;
}

/** Trains, serves, streams and subscribes: the whole path, each part as its user would use it. */
export async function runDemo({ seconds, port, models }: DemoOptions): Promise<DemoSummary> {
  const recording = await readRecording(recordingFile, {});
  note('training a kernel on recordings/gait-accelerometer.csv');
  const { model, result } = await trainModel([recording], { models, name: 'demo', activate: true });
  const trained = `${model.name}@${model.version}`;
  const daemon = await daemonProcess([
    ...['--port', String(port), '--models', models, '--model', trained],
    // A demo leaves nothing behind.
    ...['--log', 'memory'],
  ]);
  const stop = stopAfter(seconds);
  try {
    note(`daemon ${daemon.url}, dashboard ${daemon.url.replace(/^ws/, 'http').replace(/v1$/, '')}`);
    // A daemon that is gone is the end of the demo.
    const connected = () => connect(daemon.url, { reconnect: false });
    const [source, sink] = await Promise.all([connected(), connected()]);
    const channels = recording.channels.map((name) => ({ name }));
    const producer = await source.open({ stream: 'gait', channels, rate: recording.rate });
    const subscription = await sink.subscribe({ streams: 'gait', fields: ['trend', 'raw'] });
    const first = (await subscription.next()).value;
    const served = first?.type === 'subscribed' ? first.streams[0] : undefined;
    if (served?.model !== model.name || served.version !== model.version) {
      const got = served?.model ?? served?.reason ?? 'no stream';
      throw new FirtrendError('demoFailed', `demo: expected trends of ${trained}, got ${got}`);
    }
    const watch = watcher(subscription, recording);
    const samplesIn = await stream(recording, producer, watch.sent, stop.signal);
    await watch.arrived(samplesIn);
    watch.stop();
    await Promise.all([source.close(), sink.close()]);
    const { backend } = result;
    return {
      model: trained,
      backend: `${backend.name}${backend.native ? ' (native)' : ''}`,
      samplesIn,
      ...watch.summary(samplesIn),
    };
  } finally {
    stop.cancel();
    await daemon.stop();
  }
}

/** Streams the recording at its own pace, again and again, seq and time going on. @returns how many samples went */
async function stream(
  recording: Recording,
  producer: Producer,
  sent: (end: number, at: number) => void,
  stop: AbortSignal,
): Promise<number> {
  const { rate, length } = recording;
  const began = performance.now();
  const zero = Date.now();
  let end = 0;
  for (let turn = 0; !stop.aborted; turn++) {
    for (const frame of recordingFrames(recording, frameRows)) {
      const seq = turn * length + frame.seq;
      const early = began + ((seq + frame.rows) / rate) * 1000 - performance.now();
      // It rejects only when stopped, which the next line sees.
      if (early > 1) await setTimeout(early, undefined, { signal: stop }).catch(() => undefined);
      if (stop.aborted) break;
      end = seq + frame.rows;
      sent(end, performance.now());
      await producer.send({ ...frame, seq, time: zero + (seq / rate) * 1000 });
    }
  }
  await producer.flush();
  return end;
}

/** Follows the trends, counts them, and holds the time of each frame's sending against that of its trend. */
function watcher(subscription: Subscription, recording: Recording) {
  const waiting: { end: number; at: number }[] = [];
  const latencies: number[] = [];
  const screen = display('raw (dim) and trend, live', recording.channels, [1, 4]);
  let nextSeq = 0;
  let trendsOut = 0;
  const following = (async () => {
    for await (const event of subscription) {
      if (event.type !== 'trend' || !event.trend || !event.raw) continue;
      const { rows, channels, trend, raw } = event;
      // A row that came twice must not make up for one that never came.
      const repeated = Math.max(0, nextSeq - event.seq);
      nextSeq = Math.max(nextSeq, event.seq + rows);
      for (let row = repeated; row < rows; row++) {
        const at = (planes: Float32Array): Float32Array =>
          Float32Array.from({ length: channels }, (_, c) => planes[c * rows + row]!);
        const trends = at(trend);
        if (trends.some(Number.isFinite)) trendsOut++;
        screen.add(at(raw), trends);
      }
      const now = performance.now();
      while (waiting.length > 0 && waiting[0]!.end <= nextSeq) latencies.push(now - waiting.shift()!.at);
    }
  })();

  return {
    sent: (end: number, at: number) => {
      waiting.push({ end, at });
    },
    async arrived(end: number) {
      const deadline = performance.now() + patience;
      while (nextSeq < end && performance.now() < deadline) await Promise.race([following, setTimeout(10)]);
    },
    stop: screen.stop,
    summary(samplesIn: number) {
      latencies.sort((a, b) => a - b);
      const quantile = (q: number): number => latencies[Math.floor(q * (latencies.length - 1))] ?? Number.NaN;
      return {
        trendsOut,
        lost: samplesIn - trendsOut,
        medianLatency: quantile(0.5),
        p99Latency: quantile(0.99),
      };
    },
  };
}

/** Aborts on SIGINT, on SIGTERM, and after so many seconds. */
function stopAfter(seconds: number | undefined): {
  readonly signal: AbortSignal;
  readonly cancel: () => void;
} {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = seconds === undefined ? undefined : globalThis.setTimeout(abort, seconds * 1000);
  process.once('SIGINT', abort).once('SIGTERM', abort);
  return {
    signal: controller.signal,
    cancel() {
      clearTimeout(timer);
      process.off('SIGINT', abort).off('SIGTERM', abort);
    },
  };
}
