import { type Command, InvalidArgumentError, Option } from 'commander';
import { asStored, type Recording, type StoredRecording } from '../train/recording.ts';
import type { Scratch } from '../train/scratch.ts';
import { names, numbers, positiveNumber } from './options.ts';
import { note } from './output.ts';
import { type ProgressBar, progressBar } from './progress.ts';
import { digits } from './text.ts';

/** How a recording is read: the same flags for every command that takes one. */
export interface RecordingFlags {
  readonly columns?: string[];
  readonly rate?: number;
  readonly time?: string;
  readonly timeUnit?: 's' | 'ms';
  readonly offset?: 'first' | number[];
}

/** Adds the flags to a command. */
export function withRecordingFlags(command: Command): Command {
  const options = [
    new Option('--columns <names>', 'columns to use, joined by commas (default: all numeric ones)').argParser(
      names,
    ),
    new Option(
      '--rate <hz>',
      'samples per second; the rows are then equally spaced and the time column is not looked at',
    ).argParser(positiveNumber),
    new Option('--time <name>', 'the time column (default: the first named time…, date… or timestamp…)'),
    new Option('--time-unit <unit>', 'unit of numeric times (default: s)').choices(['s', 'ms']),
    new Option('--offset <o>', 'taken off every sample: 0, first, or a number for each channel').argParser(
      offset,
    ),
  ];
  for (const option of options) command.addOption(option);
  return command;
}

/** Reads a recording into memory as the flags say and notes what was not taken as it stands. */
export async function readFlagged(file: string, flags: RecordingFlags): Promise<Recording> {
  const [{ readRecording }, { spacingWarnings }] = await Promise.all([
    import('../train/readRecording.ts'),
    import('../train/spacing.ts'),
  ]);
  const recording = await withReadingBar(file, (onProgress) => readRecording(file, { ...flags, onProgress }));
  noteRecording(file, asStored(recording), flags);
  for (const warning of spacingWarnings(recording)) note(`warning: ${warning}`);
  return recording;
}

/** The same of a recording of any length, to train on. */
export async function openFlagged(
  file: string,
  flags: RecordingFlags,
  scratch: Scratch,
): Promise<StoredRecording> {
  const { openRecording } = await import('../train/readRecording.ts');
  const recording = await withReadingBar(file, (onProgress) =>
    openRecording(file, { ...flags, onProgress }, scratch),
  );
  noteRecording(file, recording, flags);
  return recording;
}

/** Reading that takes longer is watched (ms). */
const patience = 1000;

async function withReadingBar<T>(
  file: string,
  work: (onProgress: (share: number) => void) => Promise<T>,
): Promise<T> {
  const began = performance.now();
  let bar: ProgressBar | undefined;
  try {
    return await work((share) => {
      const seconds = (performance.now() - began) / 1000;
      if (1000 * seconds < patience) return;
      bar ??= progressBar(`% of ${file}`, 100);
      bar.update(Math.floor(100 * share), `about ${digits((seconds / share) * (1 - share), 2)} s left`);
    });
  } finally {
    bar?.stop();
  }
}

function noteRecording(file: string, recording: StoredRecording, flags: RecordingFlags): void {
  const { channels, rate, rows, length, clockName } = recording;
  const by = flags.rate === undefined ? `by ${clockName}` : 'as --rate says';
  note(
    `${file}: ${rows} rows, ${channels.length === 1 ? '1 channel' : `${channels.length} channels`}, ${digits(rate, 6)} Hz ${by}, ${length - rows} rows missing`,
  );
  if (flags.rate === undefined && flags.timeUnit === undefined && /_ms$|\bms\b/i.test(clockName ?? '')) {
    note(`${clockName} is read as seconds; say --time-unit ms if it holds milliseconds`);
  }
  for (const name of recording.leftOut) note(`column ${name} is text and left out`);
  recording.overflow.forEach((count, c) => {
    if (count > 0) note(`column ${channels[c]}: ${count} numbers beyond float32 are taken as missing`);
  });
}

function offset(text: string): 'first' | number[] {
  if (text === 'first') return 'first';
  try {
    return numbers(text);
  } catch {
    throw new InvalidArgumentError('Expected 0, first, or numbers joined by commas.');
  }
}
