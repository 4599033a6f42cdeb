import { benchThroughput } from './daemon/throughput.ts';

/** The daemon (memory log, `firtrend.v1.bin`) beside a bare `ws` server that passes the same bytes on. */
export async function benchDaemon(): Promise<string> {
  return benchThroughput();
}
