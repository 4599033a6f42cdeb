import type { AnyRecording } from '../recording.ts';
import type { TrainResult } from '../train.ts';
import { type Html, html } from './html.ts';
import { shownKernels } from './plots.ts';

/** What made the model, beside the training itself. */
export interface Origin {
  /** Such as `firtrend 0.1.0`. */
  readonly tool: string;
  /** ISO 8601. */
  readonly time: string;
}

/** A number to so many significant digits, without trailing zeros. */
export function digits(value: number, count = 6): string {
  return String(Number(value.toPrecision(count)));
}

/** What the kernel is and what follows from its taps. */
export function kernelCard(result: TrainResult): Html {
  const { guarantees: g, rate, kernels, channels, family, timeConstant } = result;
  const several = shownKernels(kernels).count > 1;
  const shared = several
    ? 'one kernel for each channel'
    : `one kernel for all channels${kernels[0].channel === null ? '' : ', a bias for each'}`;
  // Of several kernels the worst is told.
  const named = (name: string) => (several ? `Largest ${name.toLowerCase()}` : name);
  const promises = [
    g.noOvershoot ? 'The trend never leaves the range of the samples in its window.' : '',
    g.monotoneStepResponse ? 'The step response is monotone.' : '',
    g.concaveStepResponse ? 'The step response is concave.' : '',
    g.unitGain ? 'A constant comes out as itself.' : '',
    ...g.lost.map((text) => `Not guaranteed: ${text}.`),
  ].filter((text) => text !== '');
  return html`<table>${[
    row('Family', `${family}, ${g.taps} taps, ${shared}`),
    row(named('Lag'), `${digits(g.lag)} samples (${digits((1000 * g.lag) / rate)} ms)`),
    row(named('Noise gain'), digits(g.noiseGain)),
    row(several ? 'DC gain farthest from 1' : 'DC gain', digits(g.dcGain, 9)),
    ...(timeConstant === undefined ? [] : [row('Time constant', constantText(timeConstant))]),
    row(
      'Guarantees',
      promises.map((text) => html`<div>${text}</div>`),
    ),
    row('Channels', `${channels.length}: ${channels.join(', ')}`),
    row('Target', result.target),
    row('Loss', `${result.lossName}; 1 is ${unitText(result)}`),
    ...coverRow(result),
    row('Windows', `${result.windows.used} used, ${result.windows.leftOut} left out for missing samples`),
  ]}</table>`;
}

/**
 * What the kernel, or each channel's own, comes to on each channel, with its bias and certificate and what its baselines
 * were tuned to where they are its own.
 */
export function channelTable({ channelLosses, kernels, tuned }: TrainResult): Html {
  const own = kernels[0].channel !== null;
  const theirs = [...tuned];
  const each = tuned.length > 1;
  const header = [
    'Trained on',
    'Held out',
    ...(own ? ['Bias', 'Gap / loss'] : []),
    ...(each ? ['Best ramp (samples)', 'Best a', 'Best average of'] : []),
  ];
  const rows = channelLosses.map(({ channel, train, heldOut }, c) => {
    const { bias, certificate } = kernels[c] ?? kernels[0];
    // A channel without a loss has nothing to tune on.
    const parameters = each && train !== null ? theirs.shift() : undefined;
    const cells = [
      numeral(train),
      numeral(heldOut),
      ...(own
        ? [
            digits(bias),
            certificate.relative === null ? (certificate.reason ?? '') : digits(certificate.relative, 2),
          ]
        : []),
      ...(each
        ? [
            parameters?.ramp === null ? 'infinite' : numeral(parameters?.ramp),
            numeral(parameters?.ema),
            numeral(parameters?.sma),
          ]
        : []),
    ];
    return html`<tr><th scope="row">${channel}</th>${cells.map((cell) => html`<td class="number">${cell}</td>`)}</tr>`;
  });
  return html`<div class="scroll"><table><thead><tr><th scope="col">Channel</th>${header.map(
    (name) => html`<th scope="col" class="number">${name}</th>`,
  )}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function numeral(value: number | null | undefined): string {
  return typeof value === 'number' ? digits(value) : '–';
}

/** The learned kernel beside what it must beat, and what that was tuned to; of several kernels the channels' table says it. */
export function lossTable({ loss: { train, heldOut, heldOutReason }, tuned }: TrainResult): Html {
  const [one, ...more] = tuned;
  const parameters = (text: (one: TrainResult['tuned'][number]) => string) =>
    one === undefined || more.length > 0 ? 'see Channels' : text(one);
  const filters = [
    ['This kernel', 'learned', ''],
    ['Best ramp', 'ramp', parameters(({ ramp }) => `time constant ${constantText(ramp)}`)],
    ['Best exponential average', 'ema', parameters(({ ema }) => `a = ${digits(ema)}`)],
    ['Best moving average', 'sma', parameters(({ sma }) => `${sma} samples`)],
    ['Newest sample alone', 'newest', ''],
    ['Best of any shape (may overshoot)', 'free', ''],
  ] as const;
  const rows = filters.map(
    ([name, key, parameter]) =>
      html`<tr><th scope="row">${name}</th><td class="number">${digits(train[key])}</td><td class="number">${
        heldOut ? digits(heldOut[key]) : '–'
      }</td><td>${parameter}</td></tr>`,
  );
  return html`<div class="scroll"><table class="losses"><thead><tr><th scope="col">Filter</th><th scope="col" class="number">Trained on</th><th scope="col" class="number">Held out</th><th scope="col">Tuned to</th></tr></thead><tbody>${rows}</tbody></table></div>${
    heldOutReason === undefined ? '' : html`<p class="soft">No losses on held-out data: ${heldOutReason}.</p>`
  }`;
}

/** The certificate in a sentence. */
export function certificateSentence({ certificate: { gap, relative, reason } }: TrainResult): string {
  const share = relative === null ? (reason ?? 'the loss is 0') : `${digits(relative, 3)} of the loss`;
  return `Proven in float64 for exactly the taps in the file: no kernel of the class has a training loss lower by more than ${digits(gap, 3)} (${share}).`;
}

/** The files and what computed. */
export function originCard(result: TrainResult, recordings: readonly AnyRecording[], origin: Origin): Html {
  const { backend, seed, fit, dataSha256 } = result;
  const files = recordings.map(
    ({ name, rate, length, sha256 }) =>
      html`<tr><th scope="row">${name}</th><td class="number">${digits(rate)} Hz</td><td class="number">${length}</td><td><code>${sha256}</code></td></tr>`,
  );
  return html`<div class="scroll"><table><thead><tr><th scope="col">File</th><th scope="col" class="number">Rate</th><th scope="col" class="number">Samples</th><th scope="col">SHA-256</th></tr></thead><tbody>${files}</tbody></table></div><table>${[
    row('SHA-256 of the data', dataSha256),
    row(
      'Backend',
      `${backend.name} (TensorFlow.js ${backend.version}, ${backend.native ? 'native' : 'JavaScript'})`,
    ),
    row(
      'Steps',
      `${fit.steps}, ended by ${fit.stopped}; gradient norm ${digits(fit.gradientNorm, 3)}, parameters moved ${digits(fit.moved, 3)}`,
    ),
    row('Seed', String(seed)),
    row('Tool', origin.tool),
    row('Time', origin.time),
  ]}</table>`;
}

function row(name: string, value: string | readonly Html[]): Html {
  return html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`;
}

/** How many targets the trend is not below, where the loss aims at a share of them. */
function coverRow({ covered }: TrainResult): Html[] {
  if (covered === null) return [];
  const { train, heldOut } = covered;
  const share = (value: number) => `${digits(100 * value, 4)} %`;
  return [
    row(
      'Targets not above the trend',
      `${share(train)} trained on${heldOut === null ? '' : `, ${share(heldOut)} held out`}`,
    ),
  ];
}

function unitText({ target }: TrainResult): string {
  return target.startsWith('column:')
    ? 'the best constant on the training part'
    : 'the newest sample alone on the training part';
}

function constantText(samples: number | null): string {
  return samples === null ? 'infinite (the moving average)' : `${digits(samples)} samples`;
}
