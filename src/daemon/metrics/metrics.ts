import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@platformatic/prom-client';
import { type Count, countNames } from '../ingest/step.ts';

/** What a scrape looks up when it comes. */
export interface MetricSources {
  readonly connections: () => number;
  /** Of them, those that read more slowly than is sent to them. */
  readonly slowConnections: () => number;
  readonly streams: () => number;
  readonly ready: () => boolean;
  /** How long the oldest event that nothing has come of yet has waited (ms). */
  readonly lag: () => number;
  /** What the log holds, and whether it has no space for more. */
  readonly log: () => { readonly bytes: number; readonly full: boolean };
  /** Models that something newer should have replaced and could not. */
  readonly modelProblems: () => number;
  /** When the certificate ends (ms since 1970); undefined without TLS. */
  readonly certificateEnds: () => number | undefined;
  readonly info: () => { readonly version: string; readonly provider: string; readonly exact: boolean };
}

/** What the daemon tells of itself to Prometheus (docs/metrics.md). No stream has a label of its own: there may be any number. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  count(name: Count, by: number): void;
  counts(): Readonly<Record<Count, number>>;
  /** How long commits, calls of the filter, and the way from arrival to release take. */
  took(what: 'commit' | 'filter' | 'release', ms: number): void;
  requested(method: string, status: number): void;
  loginFailed(): void;
  reloaded(outcome: 'taken' | 'refused'): void;
  modelsChanged(): void;
}

const counted: Readonly<Record<Count, readonly [name: string, help: string]>> = {
  sampleRows: [
    'firtrend_sample_rows_total',
    'Rows of samples committed; a row is one sample of every channel of a stream',
  ],
  trendRows: ['firtrend_trend_rows_total', 'Rows of trends made'],
  duplicateRows: ['firtrend_duplicate_rows_total', 'Rows that were held already and dropped'],
  gapRows: ['firtrend_gap_rows_total', 'Rows that never came'],
  irregularFrames: ['firtrend_irregular_frames_total', 'Frames whose time disagrees with their seq'],
  droppedFrames: ['firtrend_dropped_frames_total', 'Frames of a producer that no longer had the stream'],
  overflowSamples: ['firtrend_overflow_samples_total', 'Numbers beyond float32, taken for missing'],
};

const timed = {
  commit: ['firtrend_commit_seconds', 'Time a commit to the log takes'],
  filter: ['firtrend_filter_seconds', 'Time the filter takes for a batch'],
  release: [
    'firtrend_release_seconds',
    'Time from the arrival of a batch to its release: what the daemon adds to latency',
  ],
} as const;

const buckets = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];

export function metrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  // Counted here without a call of the library for each frame, and told as they stand.
  const counts = new Map<Count, number>(countNames.map((name) => [name, 0]));
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number | undefined): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value() ?? Number.NaN);
      },
    });
  };
  for (const name of countNames) {
    const [metric, help] = counted[name];
    new Counter({
      name: metric,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(counts.get(name)!);
      },
    });
  }
  gauge('firtrend_connections', 'WebSockets that are open', sources.connections);
  gauge(
    'firtrend_slow_connections',
    'Of them, those that read more slowly than is sent to them',
    sources.slowConnections,
  );
  gauge('firtrend_streams', 'Streams that the daemon knows', sources.streams);
  gauge('firtrend_ready', '1 where the daemon serves, as /readyz says', () => Number(sources.ready()));
  gauge(
    'firtrend_lag_seconds',
    'How long the oldest event has waited that nothing has come of yet',
    () => sources.lag() / 1000,
  );
  gauge('firtrend_log_bytes', 'What the log holds', () => sources.log().bytes);
  gauge('firtrend_log_full', '1 while the log has no space: nothing is acknowledged', () =>
    Number(sources.log().full),
  );
  gauge(
    'firtrend_model_problems',
    'Models whose newer version was refused; the one in force stays',
    sources.modelProblems,
  );
  gauge(
    'firtrend_certificate_end_timestamp_seconds',
    'When the TLS certificate ends; NaN without TLS',
    () => {
      const ends = sources.certificateEnds();
      return ends === undefined ? undefined : ends / 1000;
    },
  );
  new Gauge({
    name: 'firtrend_info',
    help: 'Always 1: version, execution provider, whether trends are exact',
    labelNames: ['version', 'provider', 'exact'],
    registers,
    collect() {
      const { version, provider, exact } = sources.info();
      this.reset();
      this.set({ version, provider, exact: String(exact) }, 1);
    },
  });
  const histograms = Object.fromEntries(
    Object.entries(timed).map(([what, [name, help]]) => [
      what,
      new Histogram({ name, help, buckets, registers }),
    ]),
  );
  const requests = new Counter({
    name: 'firtrend_http_requests_total',
    help: 'Requests over HTTP that were answered',
    labelNames: ['method', 'code'],
    registers,
  });
  const logins = new Counter({
    name: 'firtrend_login_failures_total',
    help: 'Tokens that were refused',
    registers,
  });
  const reloads = new Counter({
    name: 'firtrend_reloads_total',
    help: 'Configurations read again, by whether they were taken',
    labelNames: ['outcome'],
    registers,
  });
  const changes = new Counter({
    name: 'firtrend_model_changes_total',
    help: 'Times that another model or version came into force',
    registers,
  });
  let whole = false;

  return {
    contentType: registry.contentType,
    text() {
      // Node's own; their observers begin with the first scrape, for nobody else needs them.
      if (!whole) collectDefaultMetrics({ register: registry });
      whole = true;
      return registry.metrics();
    },
    count: (name, by) => void counts.set(name, counts.get(name)! + by),
    counts: () => Object.fromEntries(counts) as Record<Count, number>,
    took: (what, ms) => histograms[what]!.observe(ms / 1000),
    // A method is any text that a client sends.
    requested: (method, status) =>
      requests.inc({ method: known.has(method) ? method : 'other', code: String(status) }),
    loginFailed: () => logins.inc(),
    reloaded: (outcome) => reloads.inc({ outcome }),
    modelsChanged: () => changes.inc(),
  };
}

const known = new Set(['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS']);
