import { colours } from './colours.ts';

/** ECharts writes the colours of the light into attributes, which a style sheet overrules. */
const darkPlots = Object.values(colours)
  .map(([light, dark]) => `svg [fill="${light}"]{fill:${dark}}svg [stroke="${light}"]{stroke:${dark}}`)
  .join('\n');
const swatches = (theme: 0 | 1) =>
  Object.entries(colours)
    .map(([name, pair]) => `.swatch-${name}{color:${pair[theme]}}`)
    .join('');

/** The style sheet of a report. */
export const style: string = `
:root{color-scheme:light dark;--page:#fff;--text:#1d222b;--soft:#586070;--line:#d9dde3;--panel:#f6f7f9}
${swatches(0)}
@media screen and (prefers-color-scheme:dark){
:root{--page:#14181f;--text:#e6e9ee;--soft:#a3abb8;--line:#343b46;--panel:#1b2029}
${swatches(1)}
${darkPlots}
}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1rem;max-width:72rem;background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.2rem;margin:2rem 0 .6rem}h3{font-size:1rem;margin:0}
.verdict{padding:.8rem 1rem;background:var(--panel);border-left:4px solid var(--soft)}
.soft,figure p{color:var(--soft)}figure p{margin:.3rem 0 0;font-size:.9rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.2rem}
figure{margin:0;padding:.8rem;border:1px solid var(--line);border-radius:6px;break-inside:avoid;min-width:0}
figure.whole{grid-column:1/-1}
svg{display:block;width:100%;height:auto}.broad{display:none}
@media (min-width:48rem){.whole .broad{display:block}.whole .narrow{display:none}}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;list-style:none;margin:.3rem 0 0;padding:0;font-size:.9rem}
.legend li{display:flex;align-items:center;gap:.4rem;min-width:0}
.legend span{flex:none;width:1.4rem;border-top:3px solid}.legend .dashed{border-top-style:dashed}
.legend .dot{width:.7rem;height:.7rem;border:0;border-radius:50%;background:currentColor}
.scroll{overflow-x:auto}.scroll table{min-width:34rem}.scroll .losses{min-width:0}th{overflow-wrap:normal}td code{font-size:.85em}
table{border-collapse:collapse;width:100%;font-size:.95rem}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
thead th{color:var(--soft)}tbody th{font-weight:500}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.losses tr:first-child{font-weight:700}
@media (max-width:30rem){.losses{font-size:.85rem}.losses th,.losses td{padding:.3rem .3rem;overflow-wrap:normal}}
@media print{body{max-width:none;padding:0;font-size:11px}h2{break-after:avoid}tr{break-inside:avoid}.plots{grid-template-columns:1fr 1fr}}
`;
