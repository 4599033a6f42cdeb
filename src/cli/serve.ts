import { Command } from 'commander';
import { type ConfigFlags, configOf, withConfigFlags } from './configFlags.ts';
import { examples } from './options.ts';
import { note, printJson } from './output.ts';
import { version } from './version.ts';

/** Beyond `drainTimeout` the daemon has so long (ms) to finish before the process ends all the same. */
const grace = 5000;

/** `firtrend serve`: the daemon, until SIGTERM or SIGINT. */
export function serveCommand(): Command {
  return withConfigFlags(new Command('serve'))
    .description('run the daemon: producers feed streams, subscribers follow their trends')
    .addHelpText(
      'after',
      `${examples(
        'firtrend serve --model gait',
        'firtrend serve --model gait@1 --port 0 --device auto',
        'firtrend serve --config firtrend.yaml --set limits.connections=500',
      )}

SIGTERM and SIGINT end it in order. SIGHUP reads configuration, models, keys and certificate again.`,
    )
    .action(async (flags: ConfigFlags) => {
      const { config } = await configOf(flags);
      const [{ serve }, { default: closeWithGrace }] = await Promise.all([
        import('../daemon/serve.ts'),
        import('close-with-grace'),
      ]);
      const daemon = await serve({ config, readConfig: async () => (await configOf(flags)).config, version });
      const ended = new Promise<void>((resolve) => {
        const delay = config.drainTimeout + grace;
        closeWithGrace({ delay, skip: ['SIGHUP'] }, async ({ signal, err }) => {
          if (err) note(`error: ${err.stack ?? err.message}`);
          else note(`${signal}: closing`);
          await daemon.close();
          resolve();
        });
      });
      const broken = new Promise<never>((_, reject) => {
        process.on('SIGHUP', () => {
          daemon.reload().catch(reject);
        });
      });
      // Started by another process of ours with a channel: end with it.
      if (process.channel) process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
      printJson({ listening: daemon.url });
      await Promise.race([ended, daemon.failed, broken]);
    });
}
