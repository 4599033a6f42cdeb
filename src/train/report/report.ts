import type { AnyRecording } from '../recording.ts';
import type { TrainResult } from '../train.ts';
import {
  certificateSentence,
  channelTable,
  digits,
  kernelCard,
  lossTable,
  type Origin,
  originCard,
} from './card.ts';
import { type Draw, loadDraw, type Plot, type Series } from './chart.ts';
import { heldOutStretch } from './heldOut.ts';
import { Html, html } from './html.ts';
import { lossPlot, responsePlots, shownKernels, stretchPlot, tradePlot } from './plots.ts';
import { style } from './style.ts';

const size = { width: 500, height: 320 };
const broad = { width: 1100, height: 360 };

/**
 * The report of a training: one HTML document with plots and the model's card in words, which needs no script and no
 * network. The same training and origin give the same text.
 *
 * @param recordings those that were trained on
 * @param options the share that was held out, as in the training
 * @throws FirtrendError `echartsMissing`
 */
export async function trainReport(
  result: TrainResult,
  recordings: readonly AnyRecording[],
  options: { readonly title: string; readonly origin: Origin; readonly holdout?: number },
): Promise<string> {
  const draw = await loadDraw();
  const { shown, count } = shownKernels(result.kernels);
  const stretch = heldOutStretch(result, recordings, options.holdout ?? 0.2);
  const { title, origin } = options;
  const { guarantees: g, rate, warnings } = result;
  const own = `Lag ${digits(g.lag)} samples (${digits((1000 * g.lag) / rate)} ms), noise gain ${digits(g.noiseGain)}: with lag + ½ a product of ${digits(g.noiseGain * (g.lag + 0.5), 4)}. `;
  const trade = `${shown.length === 1 ? own : ''}No kernel of the class reaches a product of 4/9. Moving and exponential averages share one line, where it is ½; linearly falling taps come close to the bound.`;
  const [kernel, step, magnitude, delay] = responsePlots(shown, rate);
  const body = html`<header><h1>${title}</h1><p class="soft">${origin.tool}, ${origin.time}</p></header>
<main><p class="verdict">${result.verdict}</p>
${warnings.length === 0 ? '' : html`<h2>Warnings</h2><ul>${warnings.map((text) => html`<li>${text}</li>`)}</ul>`}
<h2>Losses</h2>${lossTable(result)}<p>${certificateSentence(result)}</p>
<h2>Plots</h2>${count === shown.length ? '' : html`<p>The first ${shown.length} of ${count} kernels are drawn; the table of channels has them all.</p>`}<div class="plots">
${figure(draw, stretchPlot(stretch), `Channel ${stretch.channel} of ${stretch.file}.`, true)}
${figure(draw, tradePlot(shown), trade)}
${figure(draw, kernel!)}${figure(draw, step!)}${figure(draw, magnitude!)}${figure(draw, delay!)}
${figure(draw, lossPlot(result))}
</div>
<h2>Kernel</h2>${kernelCard(result)}
${result.channels.length === 1 && result.kernels[0].channel === null ? '' : html`<h2>Channels</h2>${channelTable(result)}`}
<h2>Origin</h2>${originCard(result, recordings, origin)}</main>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
${html`<title>${title}: firtrend training report</title>`.markup}
<style>${style}</style></head>
<body>${body.markup}</body></html>
`;
}

function figure(draw: Draw, plot: Plot, note = '', whole = false): Html {
  const narrow = html`<div class="narrow">${new Html(draw(plot, size))}</div>`;
  return html`<figure id="${plot.id}"${whole ? new Html(' class="whole"') : ''}><figcaption><h3>${plot.title}</h3></figcaption>${narrow}${
    whole ? html`<div class="broad">${new Html(draw(plot, broad))}</div>` : ''
  }${plot.series.length > 1 ? html`<ul class="legend">${plot.series.map(key)}</ul>` : ''}${note === '' ? '' : html`<p>${note}</p>`}</figure>`;
}

function key({ name, colour, dashed = false, points }: Series): Html {
  const kind = points.length === 1 ? 'dot' : dashed ? 'dashed' : 'line';
  return html`<li><span class="${kind} swatch-${colour}"></span>${name}</li>`;
}
