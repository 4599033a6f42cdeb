import { prove, recordings } from '../test/train/proof/grid.ts';
import { pythonPath } from '../test/support/python.ts';
const s = [];
for (const recording of recordings) for (const [taps,target] of [[33,'forecast:8'],[257,'smooth:32']] as const) for (const perChannel of [false,true]) s.push({recording,taps,target,family: 'boxcars',perChannel});
let t=performance.now(); 
const p = await prove(pythonPath()!, s, ()=>{const n=performance.now(); console.error(((n-t)/1000).toFixed(2)); t=n;});
console.error('py',((performance.now()-t)/1000).toFixed(2));
for (const x of p) console.log(x.recording.slice(0,4),x.taps,x.target,x.perChannel,x.maxLag?.toFixed(3),x.lag.toFixed(3),x.loss.toFixed(5),x.certificate.toExponential(1),x.certificateInPython.toExponential(1),x.certificatesDiffer.toExponential(1),x.fromOptimum.toExponential(1),x.unpolished.toFixed(5));
