import { readRecording } from '../src/train/readRecording.ts';
import { trainKernel } from '../src/train/train.ts';
for (const n of ['cycling','seattle-weather','gait-accelerometer']) { const r = await readRecording(`recordings/${n}.csv`);
for (const target of ['smooth:32','forecast:8','forecast:1']) { const x=await trainKernel([r],{target}); console.log(n,target,x.loss.train.learned,x.windows.leftOut,r.length,r.seqs.length);
 for (const c of x.channelLosses) console.log('   ',c.channel,c.train?.toFixed(4),c.heldOut?.toFixed(4)); console.log(x.warnings.join('\n'));}}
