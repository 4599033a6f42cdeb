type Child = Node | string | number | undefined | false | readonly Child[];
type Properties = Readonly<Record<string, unknown>>;

/**
 * An element. Properties that begin with `on` are listeners, `class`, `data-…`, `aria-…` and other attributes are
 * attributes, true is an attribute without a value, false and undefined none. Text is text, never markup.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  add(element, children);
  return element;
}

function add(parent: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === undefined || child === false) continue;
    if (Array.isArray(child)) add(parent, child);
    else parent.append(child instanceof Node ? child : String(child));
  }
}

/** A command with a button that copies it. */
export function command(text: string): HTMLElement {
  const said = h('span', { class: 'visually-hidden', role: 'status' });
  const copy = h('button', { type: 'button', class: 'copy', 'aria-label': 'Copy the command' }, 'Copy');
  copy.addEventListener('click', () => {
    const done = (outcome: string): void => {
      copy.textContent = outcome;
      said.textContent = outcome;
      setTimeout(() => {
        copy.textContent = 'Copy';
      }, 2000);
    };
    // Without https, and not on this machine, a page has no clipboard: the text is selected instead.
    if (navigator.clipboard)
      navigator.clipboard.writeText(text).then(
        () => done('Copied'),
        () => select(),
      );
    else select();
    function select(): void {
      getSelection()?.selectAllChildren(code);
      done('Selected');
    }
  });
  const code = h('code', {}, text);
  return h('div', { class: 'command' }, h('pre', {}, code), copy, said);
}

/** A number to so many significant digits. */
export function digits(value: number, count = 5): string {
  if (Number.isNaN(value)) return 'missing';
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-4))
    return value.toExponential(count - 2);
  return String(Number(value.toPrecision(count)));
}

/** Whole numbers with thin spaces between thousands. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** Seconds in the unit that reads best. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 0.001) return `${digits(seconds * 1e6, 3)} µs`;
  if (seconds < 1) return `${digits(seconds * 1000, 3)} ms`;
  return `${digits(seconds, 3)} s`;
}

/** Colours of the style sheet, for canvases: read again when light turns to dark. */
export interface Palette {
  readonly text: string;
  readonly soft: string;
  readonly line: string;
  readonly raw: string;
  readonly trend: string;
  readonly warn: string;
  readonly gap: string;
}

let palette: Palette | undefined;

export function colours(): Palette {
  palette ??= readColours();
  return palette;
}

function readColours(): Palette {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    ...{ text: read('text'), soft: read('soft'), line: read('line'), raw: read('raw') },
    ...{ trend: read('trend'), warn: read('warn'), gap: read('gap') },
  };
}

const themes = new Set<() => void>();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  palette = undefined;
  for (const changed of themes) changed();
});

/** Calls when the colours have changed; returns what ends that. */
export function onTheme(changed: () => void): () => void {
  themes.add(changed);
  return () => void themes.delete(changed);
}
