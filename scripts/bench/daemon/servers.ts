import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { daemonProcess, relayProcess, type Server } from '../process.ts';

/** What is measured side by side: a bare relay, and the daemon with each log. */
export const contenders = ['relay', 'memory', 'full'] as const;
export type Contender = (typeof contenders)[number];

/** A server in a process of its own; what it has written is gone when it has stopped. */
export async function serverOf(contender: Contender, args: readonly string[] = []): Promise<Server> {
  if (contender === 'relay') return relayProcess();
  const common = ['--model', 'gait@1', '--set', 'logLevel=error', ...args];
  if (contender === 'memory') return daemonProcess(common);
  const folder = mkdtempSync(join(tmpdir(), 'firtrend-bench-'));
  const server = await daemonProcess([...common, '--log', `file:${folder}`]);
  return {
    ...server,
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Runs each contender in turn, round after round, so that noise of the machine meets all of them alike. */
export async function besideEachOther<C extends Contender>(
  names: readonly C[],
  rounds: number,
  run: (server: Server, name: C, round: number) => Promise<void>,
  args?: readonly string[],
): Promise<void> {
  const servers = new Map<C, Server>();
  for (const name of names) servers.set(name, await serverOf(name, args));
  for (let round = 0; round < rounds; round++) {
    for (const [name, server] of servers) await run(server, name, round);
  }
  for (const server of servers.values()) await server.stop();
}
