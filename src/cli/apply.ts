import { Command } from 'commander';
import { FirtrendError } from '../dsp/error.ts';
import { examples, modelsOption } from './options.ts';
import { note } from './output.ts';
import { type RecordingFlags, readFlagged, withRecordingFlags } from './recordingFlags.ts';

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
      const [{ loadModel }, { createTrendFilter }, { trendsCsv }, { writeWhole }] = await Promise.all([
        import('../model/loadModel.ts'),
        import('../filter/trendFilter.ts'),
        import('./trendsCsv.ts'),
        import('./writeWhole.ts'),
      ]);
      // It is the user's own file; what the kernel lacks is told.
      const model = await loadModel(ref, { models: flags.models, allow: { unordered: true, bias: true } });
      for (const lost of model.guarantees.lost) note(`not guaranteed: ${lost}`);
      const recording = await readFlagged(file, flags);
      if (model.channels && model.channels.join() !== recording.channels.join()) {
        const text = `columns: expected ${model.channels.join(', ')}, as the model was trained, got ${recording.channels.join(', ')}`;
        throw new FirtrendError('channelMismatch', text);
      }
      if (model.rate !== null && Math.abs(recording.rate - model.rate) > 0.01 * model.rate) {
        note(`warning: the model was trained at ${model.rate} Hz, the recording has ${recording.rate} Hz`);
      }
      const kernels = model.kernels.map(({ taps, bias }) => ({ taps: Float32Array.from(taps), bias }));
      const filter = await createTrendFilter(kernels, { device: { provider: 'cpu' } });
      const rows = await writeWhole(flags.out, trendsCsv(recording, filter, flags.coverage === true), file);
      await filter.release();
      note(`${rows} rows of ${recording.channels.length} channels written to ${flags.out}`);
    });
}
