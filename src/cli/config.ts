import { Command, InvalidArgumentError } from 'commander';
import { FirtrendError } from '../dsp/error.ts';
import { type ConfigFlags, configOf, withConfigFlags } from './configFlags.ts';
import { examples } from './options.ts';
import { note, print, printJson } from './output.ts';

type Flags = ConfigFlags & { readonly json?: boolean };

/** `firtrend config`: what a daemon would be configured with, and the tokens of its clients. */
export function configCommand(): Command {
  const command = new Command('config').description(
    'check and print the configuration of a daemon, make tokens for its clients',
  );
  for (const part of [checkCommand(), printCommand(), tokenCommand(), referenceCommand()])
    command.addCommand(part);
  return command.addHelpText(
    'after',
    examples(
      'firtrend config check --config firtrend.yaml',
      'firtrend config print --config firtrend.yaml --set limits.rows=1024',
      "firtrend config token --name pumps --scope 'publish:site/**'",
    ),
  );
}

function checkCommand(): Command {
  return withConfigFlags(new Command('check'))
    .description('say everything that is wrong; tries the certificates, keys and models that are named')
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples('firtrend config check --config firtrend.yaml'))
    .action(async ({ json, ...flags }: Flags) => {
      const { problems, code } = await problemsOf(flags);
      if (json) printJson({ ok: problems.length === 0, problems });
      else for (const problem of problems) note(`error: ${problem}`);
      if (problems.length > 0) throw new FirtrendError(code, `config: ${problems.length} to mend`);
      if (!json) print('nothing is wrong');
    });
}

interface Found {
  readonly problems: readonly string[];
  /** `usage` where only flags are wrong. */
  readonly code: string;
}

async function problemsOf(flags: ConfigFlags): Promise<Found> {
  const [{ ConfigError }, { preflight }] = await Promise.all([
    import('../daemon/config/problems.ts'),
    import('../daemon/preflight.ts'),
  ]);
  try {
    return { problems: await preflight((await configOf(flags)).config), code: 'config' };
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems, code: error.code };
    if (error instanceof FirtrendError) return { problems: [error.message], code: error.code };
    throw error;
  }
}

function printCommand(): Command {
  return withConfigFlags(new Command('print'))
    .description('print what is in force, and where each value comes from; secrets are hidden')
    .option('--json', 'print one JSON document: {config, sources}')
    .addHelpText(
      'after',
      examples('FIRTREND_PORT=9000 firtrend config print', 'firtrend config print --json'),
    )
    .action(async ({ json, ...flags }: Flags) => {
      const effective = await configOf(flags);
      const { configAsJson, configAsYaml } = await import('../daemon/config/shown.ts');
      if (json) printJson(configAsJson(effective));
      else print(configAsYaml(effective).trimEnd());
    });
}

interface TokenFlags {
  readonly name: string;
  readonly scope?: readonly string[];
  readonly expires?: string;
  readonly json?: boolean;
}

function tokenCommand(): Command {
  return new Command('token')
    .description('make a token: it is printed this once, and its hash for `auth.tokens`')
    .requiredOption('--name <name>', 'whom it is for, as logs will name it')
    .option(
      '--scope <scope>',
      'publish:PATTERN, subscribe:PATTERN, admin or cluster; may be repeated',
      repeated,
    )
    .option('--expires <time>', 'when it ends, such as 2027-01-31T00:00:00Z (default: never)')
    .option('--json', 'print one JSON document: {token, entry}')
    .addHelpText(
      'after',
      examples("firtrend config token --name pumps --scope 'publish:site/**' --scope 'subscribe:site/**'"),
    )
    .action(async ({ name, scope = [], expires, json }: TokenFlags) => {
      const { newEntry } = await import('../daemon/auth/newEntry.ts');
      const { token, entry, yaml } = newEntry({ name, scopes: scope, expires });
      if (json) printJson({ token, entry });
      else print(`token, shown this once:\n\n  ${token}\n\nfor the configuration:\n\n${yaml}`);
    });
}

function referenceCommand(): Command {
  return new Command('reference')
    .description('print docs/configuration.md: every key, what it does, its default')
    .addHelpText('after', examples('firtrend config reference > docs/configuration.md'))
    .action(async () => {
      const { configReference } = await import('../daemon/config/reference.ts');
      print(configReference().trimEnd());
    });
}

function repeated(text: string, before: readonly string[] = []): readonly string[] {
  if (text === '') throw new InvalidArgumentError('Expected a scope.');
  return [...before, text];
}
