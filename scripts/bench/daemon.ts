import { benchBroadcast } from './daemon/broadcast.ts';
import { benchFootprint } from './daemon/footprint.ts';
import { benchLatency } from './daemon/latency.ts';
import { benchManyStreams } from './daemon/manyStreams.ts';
import { benchThroughput } from './daemon/throughput.ts';

/** The daemon (K = 65, `firtrend.v1.bin`) beside a bare `ws` server that passes the same bytes on. */
export async function benchDaemon(quick: boolean): Promise<string> {
  const parts: string[] = [];
  for (const part of [benchThroughput, benchLatency, benchBroadcast, benchManyStreams, benchFootprint]) {
    parts.push(await part(quick));
    // It takes minutes: what is there is shown.
    process.stderr.write(`${parts.at(-1)}\n\n`);
  }
  return parts.join('\n\n');
}
