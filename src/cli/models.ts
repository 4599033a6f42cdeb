import { Argument, Command, InvalidArgumentError } from 'commander';
import { type ModelChange, modelNamePattern } from '../model/repository.ts';
import { versionPattern } from '../model/versionFolder.ts';
import { examples, modelsOption } from './options.ts';
import { print, printJson } from './output.ts';

interface ModelsFlags {
  readonly models: string;
  readonly json?: boolean;
}

interface ModelVersion {
  readonly name: string;
  readonly version: number;
}

/** `firtrend models`: what the repository holds, and which version of a model is in force. */
export function modelsCommand(): Command {
  const command = new Command('models').description(
    'list models, put a version in force, or go back to an older one',
  );
  for (const part of [listCommand(), promoteCommand(), rollbackCommand()]) command.addCommand(part);
  return command.addHelpText(
    'after',
    examples(
      'firtrend models list',
      'firtrend models promote gait@2',
      'firtrend models rollback gait --json',
    ),
  );
}

function listCommand(): Command {
  return withModelsFlags(new Command('list').description('all models with their versions'))
    .addHelpText(
      'after',
      examples('firtrend models list', 'firtrend models list --models /srv/models --json'),
    )
    .action(async ({ models, json }: ModelsFlags) => {
      const { defaultModels, list, shipped } = await import('../model/repository.ts');
      const found = await list(models);
      if (json) {
        printJson({ models: found });
        return;
      }
      if (found.length === 0) print(`no models in ${models}`);
      for (const { name, versions, active } of found) {
        print(`${name}@${active} in force; versions ${versions.join(', ')}`);
      }
      const own = new Set(found.map(({ name }) => name));
      const others = models === defaultModels ? (await shipped()).filter((name) => !own.has(name)) : [];
      for (const name of others) print(`${name} ships with firtrend`);
    });
}

function promoteCommand(): Command {
  return withModelsFlags(new Command('promote').description('put a version in force, at once and atomically'))
    .addArgument(new Argument('<name@version>', 'a version that is there').argParser(modelVersion))
    .addHelpText('after', examples('firtrend models promote gait@2'))
    .action(async ({ name, version }: ModelVersion, { models, json }: ModelsFlags) => {
      const { promote } = await import('../model/repository.ts');
      show(await promote(models, name, version), json);
    });
}

function rollbackCommand(): Command {
  return withModelsFlags(
    new Command('rollback').description('put the version next below the one in force in force'),
  )
    .addArgument(new Argument('<name>', 'name of the model').argParser(modelName))
    .addHelpText('after', examples('firtrend models rollback gait'))
    .action(async (name: string, { models, json }: ModelsFlags) => {
      const { rollback } = await import('../model/repository.ts');
      show(await rollback(models, name), json);
    });
}

function withModelsFlags(command: Command): Command {
  return command.addOption(modelsOption()).option('--json', 'print one JSON document');
}

function show(change: ModelChange, json = false): void {
  if (json) {
    printJson(change);
    return;
  }
  const { name, version, previous, path } = change;
  print(
    version === previous
      ? `${name}@${version} was in force already: ${path}`
      : `${name}@${version} is in force, in place of ${name}@${previous}: ${path}`,
  );
}

function modelName(text: string): string {
  if (modelNamePattern.test(text)) return text;
  throw new InvalidArgumentError(
    'Expected NAME: up to 64 of A-Z a-z 0-9 . _ - beginning with a letter or digit.',
  );
}

function modelVersion(text: string): ModelVersion {
  const [name = '', version = '', ...rest] = text.split('@');
  if (modelNamePattern.test(name) && versionPattern.test(version) && rest.length === 0) {
    return { name, version: Number(version) };
  }
  throw new InvalidArgumentError('Expected NAME@VERSION, such as gait@2.');
}
