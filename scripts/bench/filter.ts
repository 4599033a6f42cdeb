/** The filter engine: speed beside its peers, many streams, memory, swaps, worker threads. One thread each. */
import { benchMemory } from './filter/memoryTables.ts';
import { startPython } from './filter/python.ts';
import { benchSpeed, type Limits } from './filter/speed.ts';
import { benchStreams } from './filter/streams.ts';
import { benchSwap } from './filter/swap.ts';
import { benchWorker } from './filter/workers.ts';

export async function benchFilter(quick: boolean): Promise<string> {
  const limits: Limits = { rounds: quick ? 30 : 100, budget: quick ? 2000 : 5000, quick };
  const python = await startPython();
  const speed = await benchSpeed(limits, python);
  python?.stop();
  const streams = await benchStreams(limits);
  const swap = await benchSwap(quick);
  const worker = await benchWorker(limits);
  const memory = await benchMemory(quick);
  const packages = Object.entries(python?.versions ?? {}).map(([name, version]) => `${name} ${version}`);
  const peers =
    packages.length > 0
      ? `Python peers: ${packages.join(', ')}.`
      : 'No Python with SciPy or PyTorch here: `node scripts/setup.mjs --torch` installs them.';
  return `One engine call for one frame, window keeping included, beside others on input that is ready (PyTorch also with a
window of its own); results are checked to be equal. A ratio above 1: ours is faster. ${peers}

${speed}

Many streams of 8 channels with one kernel; a tick is one call.

${streams}

A swap: from taps to a proven filter, and its first call, of one row of a stream with a channel for each kernel.

${swap}

With the engine on the daemon's thread, and in a worker thread that planes and trends are handed to.

${worker}

What a call allocates.

${memory.allocation}

Memory of streams.

${memory.streams}

Memory over reloads of a kernel (load, prove, filter, release).

${memory.reloads}`;
}
