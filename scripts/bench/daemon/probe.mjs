/** Loaded into a process that is measured (`node --import`): answers every message of its parent with what it has used. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on('message', (asked) => {
  if (asked === 'reset') delay.reset();
  const { user, system } = process.cpuUsage();
  process.send?.({
    /** CPU time so far (ms). */
    cpu: (user + system) / 1000,
    rss: process.memoryUsage.rss(),
    /** How late timers were (ms): the resolution is part of it. */
    loopDelay: { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
  });
});
process.channel?.unref();
