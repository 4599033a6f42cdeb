import { http } from './http.ts';

/** What a daemon process tells of itself in `/metrics`. */
export interface Gauges {
  readonly residentBytes: number;
  /** File descriptors. */
  readonly descriptors: number;
  readonly timers: number;
  readonly connections: number;
}

export async function gauges(url: string): Promise<Gauges> {
  const { text } = await http(url, '/metrics');
  const value = (name: string): number => {
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    if (line === undefined && !name.includes('{')) throw new Error(`no ${name} in /metrics`);
    return Number(line?.split(' ').at(-1) ?? 0);
  };
  return {
    residentBytes: value('process_resident_memory_bytes'),
    descriptors: value('process_open_fds'),
    timers: value('nodejs_active_resources{type="Timeout"}'),
    connections: value('firtrend_connections'),
  };
}
