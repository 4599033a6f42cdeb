import type { Daemon } from './daemon.ts';
import { digits, duration, h } from './dom.ts';
import { stillPlot } from './plot.ts';

interface Guarantees {
  readonly taps: number;
  readonly lag: number;
  readonly noiseGain: number;
  readonly noOvershoot: boolean;
  readonly monotoneStepResponse: boolean;
  readonly concaveStepResponse: boolean;
  readonly unitGain: boolean;
  readonly lost: readonly string[];
}

type Losses = Readonly<Record<string, number | null>>;

/** What `GET /v1/streams/NAME/kernel` answers. */
interface Card {
  readonly model: string;
  readonly version: number | null;
  readonly rate: number;
  readonly sha256: string;
  readonly guarantees: Guarantees;
  readonly metadata: {
    readonly family?: string;
    readonly target?: string;
    readonly loss?: string;
    readonly losses?: { readonly train: Losses; readonly heldOut: Losses | null };
    readonly certificate?: { readonly gap: number; readonly relative: number | null };
    readonly dataSha256?: string;
    readonly tool?: string;
    readonly time?: string;
  };
  readonly kernels: readonly {
    readonly channel: string | null;
    readonly taps: readonly number[];
    readonly bias: number;
    readonly step: readonly number[];
    readonly frequency: readonly {
      readonly hertz: number;
      readonly magnitude: number;
      readonly groupDelay: number | null;
    }[];
  }[];
}

/** Kernels that are drawn; more than that would hide each other. */
const drawn = 4;

/** What makes a stream's trends, drawn; `close` frees it. */
export async function kernelView(daemon: Daemon, stream: string) {
  const card = await daemon.ask<Card>(`/v1/streams/${stream}/kernel`);
  const { guarantees: g, metadata, rate } = card;
  const kernels = card.kernels.slice(0, drawn);
  const [first] = kernels;
  const named = (channel: string | null): string => channel ?? 'all channels';
  const ages = first!.taps.map((_, j) => j);
  const hertz = first!.frequency.map((point) => point.hertz);
  const half = first!.frequency.find(({ magnitude }) => magnitude < Math.SQRT1_2)?.hertz;
  const plots = [
    stillPlot({
      title: 'Kernel',
      across: 'age of the sample (samples)',
      x: ages,
      curves: kernels.map(({ channel, taps }) => ({ name: named(channel), y: taps })),
      bars: kernels.length === 1,
      says: `${g.taps} taps. The newest sample weighs ${digits(first!.taps[0]!, 3)}, the oldest ${digits(first!.taps.at(-1)!, 3)}.`,
    }),
    stillPlot({
      title: 'Step response',
      across: 'samples after the step',
      x: ages,
      curves: kernels.map(({ channel, step }) => ({ name: named(channel), y: step })),
      says: `Half of a step is reached after ${first!.step.findIndex((value) => value >= 0.5)} samples, all of it after ${g.taps - 1}.`,
    }),
    stillPlot({
      title: 'Frequency response',
      across: 'Hz; magnitude',
      x: hertz,
      curves: kernels.map(({ channel, frequency }) => ({
        name: named(channel),
        y: frequency.map(({ magnitude }) => magnitude),
      })),
      says:
        half === undefined
          ? 'No frequency is halved in power.'
          : `Half the power passes at ${digits(half, 3)} Hz.`,
    }),
  ];
  const row = (name: string, value: Node | string) =>
    h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, value));
  const holds = (true_: boolean, text: string) => h('li', { class: true_ ? 'kept' : 'lost' }, text);
  const element = h(
    'section',
    { 'aria-labelledby': 'kernel' },
    h('h2', { id: 'kernel' }, `Kernel: ${card.model}${card.version === null ? '' : `@${card.version}`}`),
    card.kernels.length > drawn &&
      h(
        'p',
        { class: 'soft' },
        `Each channel has a kernel of its own; the first ${drawn} of ${card.kernels.length} are drawn.`,
      ),
    h(
      'div',
      { class: 'panels' },
      plots.map((plot) => plot.element),
      h(
        'div',
        { class: 'panel' },
        h('h3', {}, 'Guarantees'),
        h(
          'ul',
          { class: 'ticks' },
          holds(g.noOvershoot, 'the trend never leaves the range of the samples in its window'),
          holds(g.monotoneStepResponse, 'the step response never turns back'),
          holds(g.concaveStepResponse, 'the newest sample weighs most'),
          holds(g.unitGain, 'a constant comes out as itself'),
          g.lost.map((text) => holds(false, text)),
        ),
        h(
          'table',
          {},
          row('Lag', `${digits(g.lag, 4)} samples, ${duration(g.lag / rate)}`),
          row(
            'Noise gain',
            `${digits(g.noiseGain, 3)}: white noise comes out at ${digits(Math.sqrt(g.noiseGain) * 100, 3)} % of its amplitude`,
          ),
          row('Length', `${g.taps} taps, ${duration(g.taps / rate)}`),
        ),
      ),
      h('div', { class: 'panel' }, h('h3', {}, 'Certificate'), certificate(card)),
      metadata.losses
        ? h('div', { class: 'panel' }, h('h3', {}, 'Losses'), losses(metadata.losses))
        : undefined,
    ),
  );
  return {
    element,
    close() {
      for (const plot of plots) plot.close();
    },
  };
}

function certificate({ metadata, sha256 }: Card): Node {
  const { certificate: proof, family, target, loss, time, tool, dataSha256 } = metadata;
  const said = proof
    ? `No kernel of the class has a training loss lower by more than ${digits(proof.gap, 3)}${
        proof.relative === null
          ? '; the target is reached exactly'
          : ` (${digits(proof.relative, 3)} of the loss)`
      }: proven in float64 for exactly these taps.`
    : 'The file carries no certificate: it was not written by "firtrend train", or by an old one.';
  const row = (name: string, value: string | undefined) =>
    value === undefined ? undefined : h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, value));
  return h(
    'div',
    {},
    h('p', {}, said),
    h(
      'table',
      {},
      ...[
        row('Family', family),
        row('Target', target),
        row('Loss', loss),
        row('Trained', time && `${time.slice(0, 16).replace('T', ' ')}, ${tool ?? ''}`),
        row('Taps', `${sha256.slice(0, 16)}…`),
        row('Data', dataSha256 && `${dataSha256.slice(0, 16)}…`),
      ],
    ),
  );
}

const filters = [
  ['learned', 'this kernel'],
  ['ramp', 'best ramp'],
  ['ema', 'best exponential average'],
  ['sma', 'best moving average'],
  ['newest', 'newest sample alone'],
  ['free', 'best of any shape'],
] as const;

function losses({ train, heldOut }: { readonly train: Losses; readonly heldOut: Losses | null }): Node {
  const cell = (value: number | null | undefined) =>
    h('td', { class: 'number' }, value == null ? '–' : digits(value, 4));
  return h(
    'table',
    {},
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        h('th', { scope: 'col' }, 'Filter'),
        h('th', { scope: 'col', class: 'number' }, 'trained on'),
        h('th', { scope: 'col', class: 'number' }, 'held out'),
      ),
    ),
    h(
      'tbody',
      {},
      filters.map(([key, name]) =>
        h('tr', {}, h('th', { scope: 'row' }, name), cell(train[key]), cell(heldOut?.[key])),
      ),
    ),
  );
}
