import type { Daemon } from './daemon.ts';
import { digits, duration, grouped, h } from './dom.ts';
import { quantile, type Scrape, scrape } from './scrape.ts';

interface Ready {
  readonly ready: boolean;
  readonly device?: { readonly provider: string; readonly exact: boolean; readonly reason?: string };
  readonly fingerprint?: string;
  readonly log?: { readonly durability: 'memory' | 'normal' | 'full' };
}

const every = 2000;
const survives = {
  memory: 'nothing: samples are gone with the process',
  normal: 'the end of the process',
  full: 'a loss of power',
} as const;

/** How the daemon is: what it runs on, how much passes, how long that takes, who is slow. */
export function healthView(daemon: Daemon): { readonly element: HTMLElement; close(): void } {
  const tiles = h('div', { class: 'tiles' });
  const facts = h('table');
  const notice = h('p', { class: 'notice bad', role: 'status', hidden: true });
  const element = h(
    'div',
    {},
    h('div', { class: 'head' }, h('h1', {}, 'Health')),
    notice,
    tiles,
    h('section', {}, h('h2', {}, 'What it runs on'), h('div', { class: 'panel scroll' }, facts)),
  );
  let before: { readonly at: number; readonly told: Scrape } | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  function tile(name: string, value: string, kind: '' | 'warn' | 'bad' = '', more = ''): HTMLElement {
    return h('div', { class: `tile ${kind}` }, h('span', {}, name), h('b', {}, value), h('span', {}, more));
  }

  function show(ready: Ready, told: Scrape): void {
    const at = performance.now();
    const passed = before ? (at - before.at) / 1000 : Number.NaN;
    const value = (name: string): number => told.value(name) ?? Number.NaN;
    const rate = (name: string): number => (value(name) - (before?.told.value(name) ?? Number.NaN)) / passed;
    const shown = (number: number): string => (Number.isNaN(number) ? '–' : grouped(number));
    const took = (name: string): string => {
      const [half, most] = [0.5, 0.99].map((q) => quantile(q, before?.told, told, name));
      return Number.isNaN(half!) ? '–' : `${duration(half!)}, 99 % ${duration(most!)}`;
    };
    const slow = value('firtrend_slow_connections');
    const lag = value('firtrend_lag_seconds');
    const gaps = rate('firtrend_gap_rows_total');
    const { roundTrip } = daemon.client;
    tiles.replaceChildren(
      tile('State', ready.ready ? 'ready' : 'not ready', ready.ready ? '' : 'bad'),
      tile(
        'Samples in',
        `${shown(rate('firtrend_sample_rows_total'))} /s`,
        '',
        'rows: one sample of every channel',
      ),
      tile('Trends made', `${shown(rate('firtrend_trend_rows_total'))} /s`, '', 'rows'),
      tile(
        'Added latency',
        took('firtrend_release_seconds').split(',')[0]!,
        '',
        `from arrival to release; ${took('firtrend_release_seconds').split(', ')[1] ?? ''}`,
      ),
      tile('Behind by', duration(lag), lag > 1 ? 'bad' : '', 'the oldest event that nothing has come of'),
      tile('Streams', shown(value('firtrend_streams'))),
      tile('Connections', shown(value('firtrend_connections'))),
      tile(
        'Slow clients',
        shown(slow),
        slow > 0 ? 'warn' : '',
        slow > 0 ? 'served from the log until they keep up' : 'all keep up',
      ),
      tile(
        'Lost by devices',
        `${shown(gaps)} /s`,
        gaps > 0 ? 'warn' : '',
        `${shown(value('firtrend_gap_rows_total'))} rows never came`,
      ),
      tile('Sent again', shown(value('firtrend_duplicate_rows_total')), '', 'rows held already'),
      tile('From here and back', roundTrip === undefined ? '–' : duration(roundTrip / 1000)),
      tile('Memory', `${digits(value('process_resident_memory_bytes') / 2 ** 20, 3)} MiB`),
    );
    const { device, fingerprint, log } = ready;
    const { server, principal, scopes, expires } = daemon.client.welcome;
    const row = (name: string, text: string | undefined) =>
      text === undefined ? undefined : h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, text));
    facts.replaceChildren(
      ...[
        row('Version', `${server.name} ${server.version}`),
        row(
          'Device',
          device && `${device.provider}${device.reason === undefined ? '' : `: ${device.reason}`}`,
        ),
        row(
          'Exact',
          device &&
            (device.exact
              ? 'yes: the same bits however the stream is cut, batched or replayed'
              : 'no: trends may differ in their last bits'),
        ),
        row('Fingerprint', fingerprint),
        row('An acknowledged sample survives', log && survives[log.durability]),
        row('A commit takes', took('firtrend_commit_seconds')),
        row('The filter takes', took('firtrend_filter_seconds')),
        row('You are', principal ?? 'anybody: this daemon asks for no token'),
        row('You may', scopes.join(', ')),
        row('Your token ends', expires === null ? 'never' : new Date(expires).toLocaleString()),
      ].filter((each) => each !== undefined),
    );
    before = { at, told };
  }

  async function poll(): Promise<void> {
    try {
      const [ready, text] = await Promise.all([daemon.ask<Ready>('/readyz'), daemon.text('/metrics')]);
      notice.hidden = true;
      show(ready, scrape(text));
    } catch (error) {
      notice.hidden = false;
      notice.textContent = `The daemon does not tell: ${(error as Error).message}. The figures below are from before.`;
      before = undefined;
    }
    if (!closed) timer = setTimeout(() => void poll(), every);
  }
  void poll();
  return {
    element,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
