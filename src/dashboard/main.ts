import type { ConnectionState, StreamInfo } from '../client/client.ts';
import { WireError } from '../client/client.ts';
import { address, type Daemon, reach, tokens } from './daemon.ts';
import { command, h } from './dom.ts';
import { healthView } from './healthView.ts';
import { modelsView } from './modelsView.ts';
import { noStreams, type StreamList, streamList } from './streamList.ts';
import { type StreamView, streamView } from './streamView.ts';
import { tokenForm } from './tokenForm.ts';

const main = document.querySelector('main')!;
const top_ = document.querySelector('#top')!;
const pages = [
  ['streams', 'Streams'],
  ['models', 'Models'],
  ['health', 'Health'],
] as const;

const dot = h('span', { class: 'dot' });
const stateText = h('span', { role: 'status' });
const leave = h('button', { type: 'button', hidden: true, onclick: forget }, 'Forget the token');
const links = pages.map(([page, text]) => h('a', { href: `#/${page}` }, text));
top_.append(
  h('a', { class: 'brand', href: '#/streams' }, h('img', { src: '/favicon.svg', alt: '' }), 'firtrend'),
  h('nav', { 'aria-label': 'Pages' }, links),
  h('div', { class: 'state' }, dot, stateText, leave),
);

/** The command that starts a daemon where this page came from. */
const start = `npx firtrend serve --model gait --port ${location.port || (location.protocol === 'https:' ? 443 : 80)}`;
const down = h(
  'div',
  { class: 'notice bad down', hidden: true },
  h('p', {}, 'The daemon does not answer. This page goes on trying; if it is not running, start it:'),
  command(start),
);
main.before(down);
/** One attempt may fail because it is just being restarted. */
const patience = 2;

let daemon: Daemon | undefined;
let list: StreamList | undefined;
let stream: StreamView | undefined;
let closePage = (): void => undefined;
let countdown: ReturnType<typeof setInterval> | undefined;

function forget(): void {
  tokens.set(undefined);
  location.reload();
}

/** The connection as it is, in words. */
function tellState(state: ConnectionState): void {
  clearInterval(countdown);
  const show = (kind: '' | 'good' | 'warn' | 'bad', text: string): void => {
    dot.className = `dot ${kind}`;
    if (stateText.textContent !== text) stateText.textContent = text;
  };
  if (state.status !== 'connecting') down.hidden = state.status !== 'waiting' || state.attempt < patience;
  switch (state.status) {
    case 'connecting':
      show('warn', 'connecting');
      break;
    case 'connected':
      if (state.draining === undefined) show('good', 'connected');
      else show('warn', 'connected; the daemon is about to restart');
      break;
    case 'waiting': {
      const tell = (): void => {
        const left = Math.max(0, Math.ceil((state.retryAt - Date.now()) / 1000));
        show('bad', `not connected; again in ${left} s`);
      };
      tell();
      countdown = setInterval(tell, 500);
      break;
    }
    case 'closed':
      show('bad', 'not connected');
      if (state.error) unreachable(state.error);
      break;
  }
}

function leavePage(): void {
  closePage();
  closePage = () => undefined;
  stream?.close();
  stream = undefined;
}

function unreachable(error: WireError): void {
  leavePage();
  list?.close();
  list = undefined;
  daemon = undefined;
  const refused = error.code === 'unauthorised';
  if (refused) {
    const had = tokens.get() !== undefined;
    tokens.set(undefined);
    main.replaceChildren(tokenForm(had ? error.message : undefined, () => void begin()));
    return;
  }
  main.replaceChildren(
    h(
      'div',
      { class: 'empty' },
      h('h1', {}, 'The daemon cannot be reached'),
      h('p', {}, error.message),
      h('p', {}, `Nobody answers at ${address}. If it is not running, start it:`),
      command(start),
      h(
        'div',
        { class: 'row' },
        h('button', { type: 'button', class: 'main', onclick: () => void begin() }, 'Try again'),
      ),
    ),
  );
}

/** What the address names. */
function place(): { readonly page: string; readonly name: string | undefined } {
  const [, page = 'streams', name] = /^#\/(\w+)(?:\/(.+))?$/.exec(location.hash) ?? [];
  return {
    page: pages.some(([known]) => known === page) ? page : 'streams',
    name: name && decodeURIComponent(name),
  };
}

function show(): void {
  if (!daemon) return;
  leavePage();
  const { page, name } = place();
  links.forEach((link, i) => {
    if (pages[i]![0] === page) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  });
  document.title = name === undefined ? 'firtrend' : `${name} · firtrend`;
  if (page === 'models') main.replaceChildren(modelsView(daemon));
  else if (page === 'health') {
    const health = healthView(daemon);
    closePage = health.close;
    main.replaceChildren(health.element);
  } else showStream(name);
}

function showStream(name: string | undefined): void {
  if (name !== undefined) stream = streamView(daemon!, name);
  list!.select(name);
  const content = stream?.element ?? h('p', { class: 'soft' }, 'Looking for streams…');
  main.replaceChildren(h('div', { class: 'columns' }, list!.element, content));
}

/** Opens the first stream where none is named, and says what to do where there is none. */
function listed(streams: readonly StreamInfo[]): void {
  const { page, name } = place();
  if (page !== 'streams' || name !== undefined) return;
  const [first] = streams;
  if (first) location.replace(`#/streams/${first.name}`);
  else main.replaceChildren(noStreams());
}

async function begin(): Promise<void> {
  try {
    daemon = await reach(tellState);
  } catch (error) {
    dot.className = 'dot bad';
    stateText.textContent = 'not connected';
    if (!(error instanceof WireError)) throw error;
    unreachable(error);
    return;
  }
  leave.hidden = tokens.get() === undefined;
  list = streamList(daemon, listed);
  show();
}

addEventListener('hashchange', show);
addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target instanceof HTMLInputElement) return;
  const search = document.querySelector<HTMLInputElement>('input[type=search]');
  if (!search) return;
  event.preventDefault();
  search.focus();
});

/** What is drawn, for tests and the console. */
Object.assign(globalThis, {
  firtrend: {
    drawn: (channel: number) => stream?.drawn(channel),
    rows: () => stream?.rows(),
  },
});
void begin();
