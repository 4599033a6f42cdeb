import type { SlotInfo, Subscription, SubscriptionEvent } from '../client/client.ts';
import { type Chart, chart, type View } from './chart.ts';
import type { Daemon } from './daemon.ts';
import { digits, duration, grouped, h, onTheme } from './dom.ts';
import { kernelView } from './kernelView.ts';
import { type Overview, overview } from './overview.ts';
import { playhead } from './playhead.ts';
import { type Rows, rowsOf } from './rows.ts';

/** Charts that are drawn large at once. */
const mostCharts = 9;
/** Of a stream with more channels than that, so many at first. */
const firstCharts = 3;
const windows = [5, 10, 30, 60, 300] as const;
const longestNews = 50;

/** A stream, live: charts, values, kernel. */
export interface StreamView {
  readonly element: HTMLElement;
  /** What a test, or the console, looks at. */
  drawn(channel: number): ReturnType<Chart['drawn']> | undefined;
  rows(): Rows | undefined;
  close(): void;
}

/** Rows that are drawn of a channel: every n-th where there are more, so that many channels move as smoothly as few. */
function rowBudget(channels: number): number {
  return channels > mostCharts ? 400 : 2400;
}

export function streamView(daemon: Daemon, name: string): StreamView {
  let info: SlotInfo | undefined;
  let rows: Rows | undefined;
  let subscription: Subscription | undefined;
  let charts: Chart[] = [];
  let all: Overview | undefined;
  let kernel: { readonly element: HTMLElement; close(): void } | undefined;
  let kernelOf = '';
  let every = 1;
  let seconds = 10;
  let paused = false;
  let shifted = false;
  let showRaw = true;
  let zoomed: { min: number; max: number } | undefined;
  let cursor: number | undefined;
  let stale = false;
  let gone = false;
  let closed = false;
  let turn = 0;
  const chosen = new Set<number>();
  const head = playhead();

  const title = h('h1', {}, name);
  const meta = h('p', { class: 'soft number' });
  const notice = h('p', { class: 'notice', role: 'status', hidden: true });
  const spoken = h('p', { class: 'visually-hidden', 'aria-live': 'polite' });
  const pause = h(
    'button',
    { type: 'button', 'aria-pressed': 'false', onclick: () => setPaused(!paused) },
    'Pause',
  );
  const live = h('button', { type: 'button', onclick: goLive, hidden: true }, 'Back to live');
  const span = h(
    'select',
    { 'aria-label': 'Time shown', onchange: () => setWindow(Number(span.value)) },
    windows.map((each) =>
      h('option', { value: each, selected: each === seconds }, each < 60 ? `${each} s` : `${each / 60} min`),
    ),
  );
  const shiftBox = h('input', { type: 'checkbox', onchange: () => setShift(shiftBox.checked) });
  const shiftText = h('span', {}, 'Shift the trend back by its lag');
  const rawBox = h('input', { type: 'checkbox', checked: true, onchange: () => (showRaw = rawBox.checked) });
  const picker = h('details', { class: 'picker', hidden: true }, h('summary', {}, 'Channels'));
  const clock = h('time', { class: 'soft' });
  const key = (kind: string, text: string): HTMLElement =>
    h('span', { class: 'key' }, h('i', { class: kind }), text);
  const keys = h(
    'p',
    { class: 'keys' },
    key('raw', 'raw'),
    key('trend', 'trend'),
    key('cover', 'part of the kernel met no samples'),
    key('gap', 'samples never came'),
  );
  const grid = h('div', { class: 'charts' });
  const small = h('div');
  const news = h('ol', { role: 'log', 'aria-label': 'What happened to the stream' });
  const newsBox = h('details', { hidden: true }, h('summary', {}, 'What happened'), news);
  const kernelBox = h('div');
  const element = h(
    'div',
    {},
    h('div', { class: 'head' }, title, meta),
    notice,
    h(
      'div',
      { class: 'tools' },
      pause,
      live,
      span,
      h('label', {}, shiftBox, shiftText),
      h('label', {}, rawBox, 'Raw'),
      picker,
      clock,
    ),
    keys,
    small,
    grid,
    spoken,
    newsBox,
    kernelBox,
  );

  function setPaused(next: boolean): void {
    paused = next;
    pause.setAttribute('aria-pressed', String(paused));
    pause.textContent = paused ? 'Paused' : 'Pause';
    if (paused) zoomed ??= view();
    else zoomed = undefined;
    live.hidden = !paused;
  }

  function goLive(): void {
    cursor = undefined;
    setPaused(false);
  }

  function setWindow(next: number): void {
    seconds = next;
    zoomed = undefined;
    setPaused(false);
    follow();
  }

  function setShift(next: boolean): void {
    shifted = next;
  }

  function zoom(factor: number): void {
    const { min, max } = view();
    const middle = cursor ?? (min + max) / 2;
    zoomed = { min: middle - (middle - min) * factor, max: middle + (max - middle) * factor };
    setPaused(true);
  }

  function onKey(event: KeyboardEvent): void {
    if (!rows || rows.to === rows.from || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (steps !== undefined) {
      if (!paused) setPaused(true);
      const { min, max } = view();
      const at = cursor === undefined ? rows.indexAt((min + max) / 2) : rows.indexAt(cursor - 1e-9);
      const next = at + steps * (event.shiftKey ? 10 : 1);
      cursor = rows.time[Math.max(rows.from, Math.min(rows.to - 1, next))]!;
      for (const each of charts) each.point(cursor);
      const focused = charts.find((each) => each.element === document.activeElement);
      spoken.textContent = focused ? `${timeText(cursor)}: ${focused.tell(cursor, view())}` : '';
    } else if (event.key === '+' || event.key === '-') zoom(event.key === '+' ? 0.5 : 2);
    else if (event.key === 'Escape') goLive();
    else if (event.key === ' ') setPaused(!paused);
    else return;
    event.preventDefault();
  }

  /** What is in sight now. */
  function view(): View {
    const lag = info?.lag ?? 0;
    const shift = shifted && info ? lag / info.rate : 0;
    if (zoomed) return { ...zoomed, shift, raw: showRaw };
    const newest = rows && rows.to > rows.from ? rows.time[rows.to - 1]! : Date.now() / 1000;
    const max = head.at(newest, performance.now() / 1000);
    return { min: max - seconds, max, shift, raw: showRaw };
  }

  function frame(): void {
    if (closed) return;
    requestAnimationFrame(frame);
    if (!rows || document.hidden) return;
    const now = view();
    for (const each of charts) each.draw(now);
    all?.draw(rows, now.min, now.max, now.shift, chosen);
    // Ten times a second is as fast as anybody reads.
    if (turn++ % 6 !== 0) return;
    for (const each of charts) each.tell(cursor, now);
    const newest = rows.to > rows.from ? rows.time[rows.to - 1] : undefined;
    const time = cursor ?? newest;
    if (time === undefined) clock.textContent = '';
    else
      clock.textContent = `${cursor === undefined ? 'newest' : 'cursor'} ${timeText(time)}, sample ${grouped(rows.seq[Math.min(rows.to - 1, rows.indexAt(time))]!)}`;
  }

  function say(text: string): void {
    news.prepend(h('li', {}, h('time', { class: 'soft' }, `${new Date().toLocaleTimeString()} `), text));
    while (news.children.length > longestNews) news.lastChild?.remove();
    newsBox.hidden = false;
  }

  /** What is wrong now, if anything: what is drawn must not be taken for live. */
  function showNotice(text: string | undefined, bad = false): void {
    notice.hidden = text === undefined;
    notice.classList.toggle('bad', bad);
    if (text !== undefined && notice.textContent !== text) notice.textContent = text;
  }

  function describe(): void {
    if (!info) return;
    const { channels, rate, model, version, lag, reason, epoch } = info;
    const made = model === null ? `raw only (${reason ?? 'no model'})` : `${model}@${version}`;
    const late = lag === null ? '' : ` · lag ${digits(lag, 3)} samples, ${duration(lag / rate)}`;
    const some = every > 1 ? ` · every ${every}th row is drawn` : '';
    meta.textContent = `${channels.length} ${channels.length === 1 ? 'channel' : 'channels'} · ${digits(rate)} Hz · ${made}${late}${some}`;
    meta.title = `epoch ${epoch}`;
    shiftBox.disabled = lag === null;
    shiftText.textContent =
      lag === null
        ? 'Shift the trend back by its lag'
        : `Shift the trend back by its lag (${duration(lag / rate)})`;
    if (stale)
      showNotice('Silent: no samples have come for several periods. What is drawn last is not live.');
    else if (!gone) showNotice(undefined);
    showKernel();
  }

  function showKernel(): void {
    const key = `${info?.epoch} ${info?.model}@${info?.version}`;
    if (key === kernelOf) return;
    kernelOf = key;
    kernel?.close();
    kernel = undefined;
    kernelBox.replaceChildren();
    if (info?.model == null) return;
    kernelView(daemon, name).then(
      (made) => {
        if (closed || key !== kernelOf) made.close();
        else {
          kernel = made;
          kernelBox.replaceChildren(made.element);
        }
      },
      (error: Error) =>
        kernelBox.replaceChildren(h('p', { class: 'soft' }, `The kernel cannot be shown: ${error.message}`)),
    );
  }

  function draw(): void {
    if (!info || !rows) return;
    for (const each of charts) each.close();
    charts = [...chosen]
      .sort((a, b) => a - b)
      .map((index) =>
        chart({
          channel: info!.channels[index]!,
          index,
          rows: () => rows!,
          onCursor: (time) => {
            cursor = time;
          },
          onZoom: (min, max) => {
            zoomed = { min, max };
            setPaused(true);
          },
          onKey,
        }),
      );
    grid.replaceChildren(...charts.map((each) => each.element));
  }

  function choose(index: number): void {
    if (chosen.has(index)) chosen.delete(index);
    else {
      chosen.add(index);
      if (chosen.size > mostCharts) chosen.delete([...chosen][0]!);
    }
    for (const box of picker.querySelectorAll('input')) box.checked = chosen.has(Number(box.value));
    draw();
  }

  /** The stream as it is now. Channels and rate may be others after a new epoch. */
  function take(next: SlotInfo): void {
    const same =
      info &&
      rows &&
      info.rate === next.rate &&
      info.channels.map((c) => c.name).join('\0') === next.channels.map((c) => c.name).join('\0');
    info = next;
    if (!same) {
      const { channels, rate } = next;
      rows = rowsOf(channels.length, Math.ceil((2 * seconds * rate) / every) + 256);
      head.reset();
      chosen.clear();
      for (
        let c = 0;
        c < Math.min(channels.length, channels.length > mostCharts ? firstCharts : mostCharts);
        c++
      )
        chosen.add(c);
      picker.hidden = channels.length <= mostCharts;
      picker.replaceChildren(
        h('summary', {}, 'Channels'),
        ...channels.map((channel, c) =>
          h(
            'label',
            {},
            h('input', { type: 'checkbox', value: c, checked: chosen.has(c), onchange: () => choose(c) }),
            channel.name,
          ),
        ),
      );
      all =
        channels.length > mostCharts
          ? overview(
              channels.map((channel) => channel.name),
              choose,
            )
          : undefined;
      small.replaceChildren(...(all ? [all.element] : []));
      draw();
    }
    gone = false;
    stale = false;
    describe();
  }

  function handle(event: SubscriptionEvent): void {
    switch (event.type) {
      case 'subscribed':
      case 'added':
      case 'resumed': {
        const [found] = event.streams;
        if (found) {
          const epoch = info?.epoch;
          take(found);
          if (event.type === 'resumed' && found.recovered) say('the connection is back, nothing is missing');
          if (epoch !== undefined && epoch !== found.epoch) {
            rows?.addGap(0);
            say(
              `a new epoch has begun (${found.epoch}): the daemon had lost its log, or the stream was opened otherwise`,
            );
          }
          if (found.lost && found.lost.toSeq > found.lost.fromSeq) {
            rows?.addGap(found.lost.fromSeq);
            say(
              `samples ${grouped(found.lost.fromSeq)} to ${grouped(found.lost.toSeq - 1)} could not be had again (${found.lost.reason})`,
            );
          }
        } else {
          gone = true;
          showNotice(
            event.type === 'resumed'
              ? 'The daemon is back, without this stream: its log was lost, and its producer has not come back yet.'
              : `There is no stream ${name} yet; it is shown as soon as its producer comes.`,
          );
        }
        break;
      }
      case 'trend':
        rows?.add(event);
        if (stale) {
          stale = false;
          describe();
        }
        break;
      case 'gap':
        rows?.addGap(event.fromSeq);
        say(`samples ${grouped(event.fromSeq)} to ${grouped(event.toSeq - 1)} never came (${event.reason})`);
        break;
      case 'kernel':
        if (!info) break;
        say(
          `from sample ${grouped(event.changes[0]!.seq)} on ${event.model === null ? 'no kernel' : `${event.model}@${event.version}`}`,
        );
        info = { ...info, model: event.model, version: event.version, lag: event.lag, reason: event.reason };
        describe();
        break;
      case 'stale':
        stale = true;
        describe();
        break;
      case 'removed':
        gone = true;
        showNotice(`The stream has ended (${event.reason}).`, true);
        say(`ended (${event.reason})`);
        break;
      case 'disconnected':
        gone = true;
        showNotice(
          'The connection is lost: what is drawn is from before. It goes on by itself where it stopped.',
          true,
        );
        say(`the connection was lost: ${event.error.message}`);
        break;
      case 'refused':
      case 'live':
        break;
    }
  }

  /** Subscribes anew, from as far back as is drawn. */
  function follow(): void {
    const before = subscription;
    subscription = undefined;
    before?.close().catch(noMatter);
    run().catch((error: Error) => {
      if (!closed) showNotice(`The stream cannot be followed: ${error.message}`, true);
    });
  }

  async function run(): Promise<void> {
    const [known] = await daemon.client.streams(name);
    if (known) every = Math.max(1, Math.ceil((known.rate * seconds) / rowBudget(known.channels.length)));
    const made = await daemon.client.subscribe({
      streams: name,
      fields: ['trend', 'raw', 'coverage'],
      start: { seconds },
      ...(every > 1 && { every }),
    });
    if (closed || subscription) {
      await made.close();
      return;
    }
    subscription = made;
    rows = undefined;
    for await (const event of made) {
      if (subscription !== made) return;
      handle(event);
    }
  }

  const themed = onTheme(() => draw());
  follow();
  requestAnimationFrame(frame);
  return {
    element,
    drawn: (channel) => charts.find(({ index }) => index === channel)?.drawn(),
    rows: () => rows,
    close() {
      closed = true;
      themed();
      for (const each of charts) each.close();
      kernel?.close();
      subscription?.close().catch(noMatter);
    },
  };
}

/** A subscription that cannot be closed has ended with its connection, which the page tells of by itself. */
function noMatter(): void {}

function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return `${date.toLocaleTimeString([], { hour12: false })}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
