import { trainKernel } from '../src/train/train.ts';
import { normalised } from '../src/dsp/kernel.ts';
import { noisyWalk, recordingOf } from '../test/train/support.ts';
import { rampTaps } from '../src/dsp/families.ts';
function levelError(taps: ArrayLike<number>, q: number): number {
  let running = 0;
  return normalised(taps).reduce((total, w) => { running += w; return total + w * w + q * (1 - running) ** 2; }, 0);
}
for (const q of [0.01,0.1,1]) {
  const x=(q+Math.sqrt(q*q+4*q))/2, best=x/(1+x);
  // best ramp by formula
  let br=Infinity; for(let l=-3;l<8;l+=0.0005){const e=levelError(rampTaps(64,Math.exp(-l)),q); if(e<br)br=e;}
  const ro=[],bo=[];
  for (let seed=1;seed<=10;seed++) {
    const walk=recordingOf(noisyWalk(20000,q,seed));
    const o={target:'forecast:1',taps:64,holdout:0};
    const r=await trainKernel([walk],{...o,family:'ramp'}), b=await trainKernel([walk],o);
    ro.push(100*(levelError(r.kernels[0].taps,q)/best-1)); bo.push(100*(levelError(b.kernels[0].taps,q)/best-1));
  }
  console.log('q',q,'best ramp by formula',(100*(br/best-1)).toFixed(4),'ramp',ro.map(v=>v.toFixed(3)).join(' '),'boxcars',bo.map(v=>v.toFixed(3)).join(' '));
}
