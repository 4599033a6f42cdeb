import { Command, InvalidArgumentError, Option } from 'commander';
import type { DeviceRequest } from '../filter/device.ts';
import type { Allowed } from '../model/gate.ts';
import { defaultPort, examples, modelsOption, wholeNumber } from './options.ts';
import { note, printJson } from './output.ts';
import { version } from './version.ts';

interface ServeFlags {
  readonly host: string;
  readonly port: number;
  readonly models: string;
  readonly model?: string;
  readonly device: DeviceRequest;
  readonly allow?: Allowed;
  readonly insecure?: boolean;
}

/** `firtrend serve`: the daemon, until SIGTERM or SIGINT. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('run the daemon: producers feed streams, subscribers follow their trends')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on, 0 for any free one', wholeNumber(0, 65535), defaultPort)
    .addOption(modelsOption())
    .option('--model <model>', 'a file, NAME, or NAME@VERSION (default: none, raw samples only)')
    .addOption(
      new Option('--device <device>', 'where the filter runs')
        .choices(['cpu', 'cuda', 'auto'])
        .default('cpu'),
    )
    .option(
      '--allow <lacks>',
      'serve a model that lacks a guarantee: unordered, bias, or both joined by a comma',
      allowed,
    )
    .option('--log <log>', 'where raw samples are kept: memory', onlyMemory, 'memory')
    .option('--insecure', 'serve on an address that is not loopback, to anyone')
    .addHelpText(
      'after',
      examples('firtrend serve --model gait', 'firtrend serve --model gait@1 --port 0 --device auto'),
    )
    .action(async ({ host, port, models, model, allow, device, insecure }: ServeFlags) => {
      const [{ serve }, { default: closeWithGrace }] = await Promise.all([
        import('../daemon/serve.ts'),
        import('close-with-grace'),
      ]);
      const daemon = await serve({ host, port, models, model, allow, device, insecure, version });
      const ended = new Promise<void>((resolve) => {
        closeWithGrace({ delay: 10_000 }, async ({ signal, err }) => {
          if (err) note(`error: ${err.stack ?? err.message}`);
          else note(`${signal}: closing`);
          await daemon.close();
          resolve();
        });
      });
      // Started by another process of ours with a channel: end with it.
      if (process.channel) process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
      printJson({ listening: daemon.url });
      await Promise.race([ended, daemon.failed]);
    });
}

function allowed(text: string): Allowed {
  const lacks = new Set(text.split(','));
  const known = ['unordered', 'bias'] as const;
  if ([...lacks].every((lack) => known.some((name) => name === lack))) {
    return { unordered: lacks.has('unordered'), bias: lacks.has('bias') };
  }
  throw new InvalidArgumentError('Expected unordered, bias, or unordered,bias.');
}

function onlyMemory(text: string): string {
  if (text === 'memory') return text;
  throw new InvalidArgumentError('Expected memory: this version has no other log.');
}
