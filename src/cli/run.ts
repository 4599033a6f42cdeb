import { Command, CommanderError } from 'commander';
import { FirtrendError } from '../dsp/error.ts';
import { applyCommand } from './apply.ts';
import { demoCommand } from './demo.ts';
import { inspectCommand } from './inspect.ts';
import { kernelCommand } from './kernel.ts';
import { note } from './output.ts';
import { replayCommand } from './replay.ts';
import { serveCommand } from './serve.ts';
import { tailCommand } from './tail.ts';
import { trainCommand } from './train.ts';
import { version } from './version.ts';

/** Runs one command line. @returns the exit code: 0, 1 for failure, 2 for misuse */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command('firtrend')
    .description('Learns a causal FIR trend kernel from recordings and applies it to live sensor streams.')
    .version(version)
    .showSuggestionAfterError()
    .showHelpAfterError('(--help shows what is expected)')
    .exitOverride();
  const commands = [
    trainCommand(),
    inspectCommand(),
    applyCommand(),
    serveCommand(),
    replayCommand(),
    tailCommand(),
    kernelCommand(),
    demoCommand(),
  ];
  for (const command of commands) {
    program.addCommand(command.copyInheritedSettings(program));
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof FirtrendError)) throw error;
    note(`error: ${error.message}`);
    return error.code === 'usage' ? 2 : 1;
  }
}
