import { benchManyStreams } from './daemon/manyStreams.ts';
import { benchThroughput } from './daemon/throughput.ts';

/** The daemon (memory log, `firtrend.v1.bin`) beside a bare `ws` server that passes the same bytes on, and many streams. */
export async function benchDaemon(): Promise<string> {
  const throughput = await benchThroughput();
  return `${throughput}

10,000 streams of 8 channels at a frame a second each, beside 10 streams at the same total rate: one producer, one
subscriber of all of them.

${await benchManyStreams()}`;
}
