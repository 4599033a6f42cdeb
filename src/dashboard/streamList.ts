import type { StreamInfo } from '../client/client.ts';
import { address, type Daemon } from './daemon.ts';
import { command, digits, h } from './dom.ts';

const every = 3000;
/** More than these are found by a narrower search. */
const most = 200;

export interface StreamList {
  readonly element: HTMLElement;
  select(name: string | undefined): void;
  close(): void;
}

/** The streams there are, found by search. `onChange` hears of the list each time it was asked for. */
export function streamList(daemon: Daemon, onChange: (streams: readonly StreamInfo[]) => void): StreamList {
  let streams: readonly StreamInfo[] = [];
  const heads = new Map<string, number>();
  let moving = new Set<string>();
  let selected: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;
  let shown = '';

  const search = h('input', {
    type: 'search',
    placeholder: 'Search streams',
    'aria-label': 'Search streams by name, channel or model',
    oninput: render,
  });
  const list = h('ul');
  const count = h('small', { class: 'soft', role: 'status' });
  const element = h('nav', { class: 'side', 'aria-label': 'Streams' }, search, count, list);

  function found(): readonly StreamInfo[] {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    return streams.filter(({ name, channels, model }) => {
      const text = [name, model ?? 'raw', ...channels.map((channel) => channel.name)].join(' ').toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  function render(): void {
    const hits = found();
    const key = JSON.stringify([
      hits.slice(0, most).map(({ name, model, version }) => [name, model, version, moving.has(name)]),
      selected,
      hits.length,
    ]);
    if (key === shown) return;
    shown = key;
    count.textContent =
      hits.length > most
        ? `${most} of ${hits.length} shown; narrow the search`
        : `${hits.length} of ${streams.length}`;
    list.replaceChildren(
      ...hits
        .slice(0, most)
        .map(({ name, channels, rate, model, version }) =>
          h(
            'li',
            {},
            h(
              'a',
              { href: `#/streams/${name}`, 'aria-current': name === selected && 'true' },
              name,
              h(
                'small',
                {},
                `${channels.length} × ${digits(rate, 4)} Hz · ${model === null ? 'raw only' : `${model}@${version}`}${moving.has(name) ? '' : ' · silent'}`,
              ),
            ),
          ),
        ),
    );
  }

  async function poll(): Promise<void> {
    const began = performance.now();
    try {
      streams = await daemon.client.streams();
      // The first time nobody knows yet who moves.
      moving = new Set(
        streams.filter(({ name, nextSeq }) => heads.get(name) !== nextSeq).map(({ name }) => name),
      );
      for (const { name, nextSeq } of streams) heads.set(name, nextSeq);
      render();
      onChange(streams);
    } catch {
      // The connection's state says it.
    }
    if (!closed) timer = setTimeout(() => void poll(), Math.max(every, 20 * (performance.now() - began)));
  }
  void poll();
  return {
    element,
    select(name) {
      selected = name;
      render();
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** What to do where there is nothing. */
export function noStreams(): HTMLElement {
  return h(
    'div',
    { class: 'empty' },
    h('h1', {}, 'No streams yet'),
    h(
      'p',
      {},
      'Nothing has been published to this daemon. Stream the recording that ships with firtrend at its own pace:',
    ),
    command(`npx firtrend replay recordings/gait-accelerometer.csv --stream site/gait --url ${address}`),
    h('p', {}, 'Or send samples from anything that speaks HTTP:'),
    command(
      `curl -X POST ${location.origin}/v1/streams/site/pump/samples -H 'content-type: application/json' -d '{"channels":[{"name":"p"}],"rate":64,"values":[[1,2,3]]}'`,
    ),
    h('p', { class: 'soft' }, 'This page shows them as soon as they come.'),
  );
}
