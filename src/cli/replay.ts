import { setTimeout } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { isStreamName } from '../wire/names.ts';
import { connectTo, tokenOption } from './connectTo.ts';
import { examples, urlOption, wholeNumber } from './options.ts';
import { note } from './output.ts';
import { progressBar } from './progress.ts';
import { type RecordingFlags, readFlagged, withRecordingFlags } from './recordingFlags.ts';
import { recordingFrames } from './recordingFrames.ts';
import { digits } from './text.ts';

interface ReplayFlags extends RecordingFlags {
  readonly url: string;
  readonly tokenFile?: string;
  readonly stream: string;
  readonly speed: number;
  readonly frame?: number;
}

/** `firtrend replay`: streams a recording to a daemon at its own pace, at a multiple of it, or as fast as it goes. */
export function replayCommand(): Command {
  const command = new Command('replay')
    .description('stream a recording to a daemon, stamped as if it were recorded from now on')
    .argument('<file>', 'recording (CSV, NDJSON, Parquet)')
    .addOption(urlOption())
    .addOption(tokenOption())
    .requiredOption('--stream <name>', 'name of the stream (required)', streamName)
    .option('--speed <n>', '1 is real time, N is N times as fast, max as fast as it goes', speed, 1)
    .option('--frame <rows>', 'samples per frame (default: a twentieth of a second)', wholeNumber(1, 65536));
  return withRecordingFlags(command)
    .addHelpText(
      'after',
      examples(
        'firtrend replay recordings/gait-accelerometer.csv --stream gait',
        'firtrend replay data.csv --stream site/a --speed max',
      ),
    )
    .action(async (file: string, flags: ReplayFlags) => {
      const recording = await readFlagged(file, flags);
      const client = await connectTo(flags.url, flags.tokenFile);
      try {
        const channels = recording.channels.map((name, c) => ({ name, offset: recording.offsets[c] ?? 0 }));
        const producer = await client.open({ stream: flags.stream, channels, rate: recording.rate });
        const first = producer.nextSeq;
        const began = performance.now();
        const zero = Date.now();
        const bar = progressBar('samples', recording.length);
        for (const frame of recordingFrames(
          recording,
          flags.frame ?? Math.max(1, Math.round(recording.rate / 20)),
        )) {
          const due = began + ((frame.seq + frame.rows) / recording.rate / flags.speed) * 1000;
          const early = due - performance.now();
          if (early > 1) await setTimeout(early);
          const time = zero + (frame.seq / recording.rate) * 1000;
          await producer.send({ ...frame, seq: first + frame.seq, time });
          bar.update(frame.seq + frame.rows);
        }
        await producer.flush();
        bar.stop();
        const seconds = (performance.now() - began) / 1000;
        note(
          `${recording.seqs.length} samples of ${channels.length} channels in ${digits(seconds)} s, all acknowledged`,
        );
        await producer.close();
      } finally {
        await client.close();
      }
    });
}

function streamName(text: string): string {
  if (isStreamName(text)) return text;
  throw new InvalidArgumentError('Expected 1 to 8 parts of A-Z a-z 0-9 . _ - joined by /.');
}

function speed(text: string): number {
  const value = text === 'max' ? Infinity : Number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0, or max.');
}
