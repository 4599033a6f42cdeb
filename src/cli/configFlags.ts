import { type Command, InvalidArgumentError, Option } from 'commander';
import type { EffectiveConfig, Layers } from '../daemon/config/layers.ts';

/**
 * Flags that stand for keys of the configuration, as commander names them. The configuration itself is loaded only when a
 * command needs it: checks, types and defaults are in its schema, and a test holds the two together.
 */
export const keyFlags = {
  host: ['--host <host>', 'address to listen on (default: 127.0.0.1)'],
  port: ['--port <port>', 'port to listen on, 0 for any free one (default: 8420)'],
  models: ['--models <dir>', 'model repository, besides the models that ship (default: models)'],
  model: ['--model <model>', 'a file, NAME, or NAME@VERSION (default: none, raw samples only)'],
  device: ['--device <device>', 'where the filter runs: cpu, cuda, auto (default: cpu)'],
  allow: [
    '--allow <lacks>',
    'serve a model that lacks a guarantee: unordered, bias, or both joined by a comma',
  ],
  log: [
    '--log <log>',
    'where samples are kept: memory, file:DIR, or file, in ~/.local/state/firtrend (default: file)',
  ],
  sync: ['--sync <sync>', 'what an acknowledgement waits for: full, normal (default: full)'],
  insecure: ['--insecure', 'serve an address that is not loopback to anyone, without authentication'],
} as const satisfies Record<string, readonly [flag: string, about: string]>;

export type ConfigFlags = { readonly [K in keyof typeof keyFlags]?: string | true } & {
  readonly config?: string;
  readonly set?: readonly Setting[];
};

interface Setting {
  readonly name: string;
  readonly value: string;
}

/** The flags by which a daemon is configured. */
export function withConfigFlags(command: Command): Command {
  command.option('--config <file>', 'YAML file (docs/configuration.md; also FIRTREND_CONFIG)');
  for (const [flag, about] of Object.values(keyFlags)) command.option(flag, about);
  return command.addOption(
    new Option(
      '--set <key=value>',
      'any key of the configuration, such as limits.rows=1024; may be repeated',
    ).argParser((text: string, before: readonly Setting[] = []) => [...before, setting(text)]),
  );
}

/** Defaults < file < environment < flags. @throws FirtrendError `config`, `configFile`, `usage` */
export async function configOf(flags: ConfigFlags): Promise<EffectiveConfig> {
  const { effectiveConfig } = await import('../daemon/config/layers.ts');
  return effectiveConfig(layersOf(flags));
}

function layersOf(flags: ConfigFlags): Layers {
  const named = (Object.keys(keyFlags) as (keyof typeof keyFlags)[]).flatMap((name) => {
    const value = flags[name];
    return value === undefined ? [] : [{ name, value, flag: `--${name}` }];
  });
  const set = (flags.set ?? []).map(({ name, value }) => ({ name, value, flag: '--set' }));
  return {
    // An empty variable counts for nothing.
    file: flags.config ?? (process.env.FIRTREND_CONFIG || undefined),
    environment: process.env,
    flags: [...named, ...set],
  };
}

function setting(text: string): Setting {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected KEY=VALUE, such as limits.rows=1024.');
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}
