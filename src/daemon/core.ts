import type { Device } from '../filter/device.ts';
import type { SampleLog, TrimRule } from '../log/sampleLog.ts';
import type { Config } from './config/schema.ts';
import { flow } from './flow.ts';
import { type History, history } from './hub/history.ts';
import { type Hub, hub } from './hub/hub.ts';
import { filterBank } from './ingest/filterBank.ts';
import type { Incoming } from './ingest/ingest.ts';
import { renew } from './ingest/renew.ts';
import type { Reply } from './ingest/step.ts';
import { trendMaker } from './ingest/trendMaker.ts';
import type { Metrics } from './metrics/metrics.ts';
import { settingsFor } from './models/rules.ts';
import { type ModelStatus, type ServedModels, servedModels } from './models/servedModels.ts';
import { swaps } from './models/swaps.ts';

export interface CoreOptions {
  readonly config: Config;
  /** As it is now. */
  readonly rules: () => Pick<Config, 'streams' | 'model' | 'allow'>;
  readonly device: Device;
  readonly log: SampleLog;
  readonly retention: TrimRule;
  /** A new random epoch. */
  readonly freshEpoch: () => string;
  readonly metrics: Pick<Metrics, 'count' | 'took'>;
  /** Answers to producers. */
  readonly reply: (replies: Iterable<Reply>) => void;
  /** A model does not take the place of the one in force. */
  readonly refused: (status: ModelStatus, error: unknown) => void;
  /** These streams began new epochs: the log cannot prove that it holds all that was acknowledged. */
  readonly renewed: (streams: readonly string[]) => void;
  /** Where work that nobody awaits reports its errors. */
  readonly failed: (error: unknown) => void;
}

/** What becomes of samples: log, models, filter, subscribers. It knows no sockets. */
export interface Core {
  readonly log: SampleLog;
  readonly served: ServedModels;
  readonly hub: Hub;
  readonly history: History;
  hand(incoming: Incoming): void;
  /** How long the oldest event has waited that nothing has come of yet (ms). */
  lag(): number;
  /** Brings every stream to the kernel that is its own by now. */
  swapAll(): void;
  /** Takes no more; resolves when all that was handed in has been released. */
  finish(): Promise<void>;
  /** Frees everything. */
  close(): Promise<void>;
}

/** How often it is looked whether streams have fallen silent (ms). */
const silenceCheck = 250;

/** @throws those of `loadModel` */
export async function core(options: CoreOptions): Promise<Core> {
  const { config, rules, log, metrics, failed } = options;
  const bank = filterBank(options.device);
  const served = await servedModels(config, bank, options.refused);
  const renewed = await renew({ log, choose: served.choose, freshEpoch: options.freshEpoch });
  if (renewed.length > 0) options.renewed(renewed);
  const past = history(log, bank);
  const subscribers = hub({
    log,
    history: past,
    failed,
    staleAfter: (stream) => settingsFor(rules(), stream).stale,
  });
  const events = flow({
    log,
    maker: trendMaker(log, bank),
    retention: options.retention,
    maxStreams: config.limits.streams,
    count: metrics.count,
    took: metrics.took,
    release: (made) => subscribers.release(made),
    reply: options.reply,
    // Models may have changed since its `open` came.
    begun: (stream) => swapped.one(stream),
    failed,
  });
  const swapped = swaps({ log, choose: served.choose, hand: events.hand });
  const silence = setInterval(() => subscribers.tellSilence(), silenceCheck);
  // What the log holds from before may have another kernel than it is given now.
  swapped.all();
  return {
    log,
    served,
    hub: subscribers,
    history: past,
    hand: events.hand,
    lag: events.lag,
    swapAll: swapped.all,
    finish() {
      swapped.stop();
      clearInterval(silence);
      return events.finish();
    },
    async close() {
      await log.close();
      await bank.close();
    },
  };
}
