import { Command } from 'commander';
import { modelOnRecording } from './modelOnRecording.ts';
import { examples, modelsOption } from './options.ts';
import { note } from './output.ts';
import { type RecordingFlags, withRecordingFlags } from './recordingFlags.ts';

interface ApplyFlags extends RecordingFlags {
  readonly models: string;
  readonly out: string;
  readonly coverage?: boolean;
}

/** `firtrend apply`: filters a recording in batch, with the engine and the bits of the daemon. */
export function applyCommand(): Command {
  const command = new Command('apply')
    .description('filter a recording: the same columns, trends in place of samples, missing trends empty')
    .argument('<model>', 'a file, NAME, or NAME@VERSION')
    .argument('<file>', 'recording (CSV, NDJSON, Parquet)')
    .addOption(modelsOption())
    .requiredOption('--out <file.csv>', 'where the trends go; - is stdout (required)')
    .option('--coverage', 'add a column NAME_coverage for each channel');
  return withRecordingFlags(command)
    .addHelpText('after', examples('firtrend apply gait recordings/gait-accelerometer.csv --out trends.csv'))
    .action(async (ref: string, file: string, flags: ApplyFlags) => {
      const [{ trendsCsv }, { writeWhole }] = await Promise.all([
        import('./trendsCsv.ts'),
        import('./writeWhole.ts'),
      ]);
      const { recording, filter } = await modelOnRecording(ref, file, flags);
      const rows = await writeWhole(flags.out, trendsCsv(recording, filter, flags.coverage === true), file);
      await filter.release();
      note(`${rows} rows of ${recording.channels.length} channels written to ${flags.out}`);
    });
}
