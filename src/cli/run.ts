import { Command, CommanderError } from 'commander';
import { FirtrendError } from '../dsp/error.ts';
import { applyCommand } from './apply.ts';
import { configCommand } from './config.ts';
import { demoCommand } from './demo.ts';
import { evaluateCommand } from './evaluate.ts';
import { inspectCommand } from './inspect.ts';
import { kernelCommand } from './kernel.ts';
import { logCommand } from './log.ts';
import { modelsCommand } from './models.ts';
import { note } from './output.ts';
import { replayCommand } from './replay.ts';
import { serveCommand } from './serve.ts';
import { tailCommand } from './tail.ts';
import { trainCommand } from './train.ts';
import { verifyCommand } from './verify.ts';
import { version } from './version.ts';

/** What a shell expects of a command that Ctrl-C ended: 128 and the signal's number. */
const interrupted = 130;

/** Runs one command line of `firtrend`. @returns the exit code: 0, 1 for failure, 2 for misuse, 130 where interrupted */
export function run(args: readonly string[]): Promise<number> {
  const program = checked(new Command('firtrend'))
    .description('Learns a causal FIR trend kernel from recordings and applies it to live sensor streams.')
    .version(version);
  const commands = [
    trainCommand(),
    evaluateCommand(),
    inspectCommand(),
    modelsCommand(),
    applyCommand(),
    verifyCommand(),
    serveCommand(),
    configCommand(),
    replayCommand(),
    tailCommand(),
    logCommand(),
    kernelCommand(),
    demoCommand(),
  ];
  for (const command of commands) {
    program.addCommand(command.copyInheritedSettings(program));
    for (const part of command.commands) part.copyInheritedSettings(program);
  }
  return runProgram(program, args);
}

/** A command that explains misuse and leaves ending the process to its caller. */
export function checked(command: Command): Command {
  return command
    .showSuggestionAfterError()
    .showHelpAfterError('(--help shows what is expected)')
    .exitOverride();
}

/** Runs a command line of a program. @returns the exit code: 0, 1 for failure, 2 for misuse, 130 where interrupted */
export async function runProgram(program: Command, args: readonly string[]): Promise<number> {
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof FirtrendError || isSystemError(error))) throw error;
    if (error.code === 'interrupted') {
      note(error.message);
      return interrupted;
    }
    note(`error: ${error.message}`);
    return error.code === 'usage' || error.code === 'insecureAddress' ? 2 : 1;
  }
}

/** The operating system's own refusal: no rights, no space, a file where a folder should be. Its message names the path. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
