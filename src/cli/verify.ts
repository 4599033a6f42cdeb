import { Command } from 'commander';
import { FirtrendError } from '../dsp/error.ts';
import { randomFrom } from '../dsp/random.ts';
import type { BatchTrends, Streamed } from '../filter/verifyStreaming.ts';
import type { Recording } from '../train/recording.ts';
import { modelOnRecording } from './modelOnRecording.ts';
import { examples, modelsOption, wholeNumber } from './options.ts';
import { print, printJson } from './output.ts';
import { patientBar } from './progress.ts';
import { type RecordingFlags, withRecordingFlags } from './recordingFlags.ts';
import { digits } from './text.ts';

interface VerifyFlags extends RecordingFlags {
  readonly models: string;
  readonly seed: number;
  readonly json?: boolean;
}

/** `firtrend verify`: proves on the user's own recording that streaming equals batch. */
export function verifyCommand(): Command {
  const command = new Command('verify')
    .description(
      'prove on a recording that trends are the same bits however it is streamed, and how near they are to float64',
    )
    .argument('<model>', 'a file, NAME, or NAME@VERSION')
    .argument('<file>', 'recording (CSV, NDJSON, Parquet)')
    .addOption(modelsOption())
    .option('--seed <n>', 'what the random cuts are drawn from', wholeNumber(0, 2 ** 31 - 1), 1)
    .option('--json', 'print one JSON document');
  return withRecordingFlags(command)
    .addHelpText(
      'after',
      `${examples(
        'firtrend verify gait recordings/gait-accelerometer.csv',
        'firtrend verify gait pump.csv --columns x,y,z --rate 64 --json',
      )}\n\nExit code 1 where a bit differs, or a trend is farther from float64 than (K + 2)·2^-24 of the largest sample.`,
    )
    .action(async (ref: string, file: string, flags: VerifyFlags) => {
      const { verifyStreaming } = await import('../filter/verifyStreaming.ts');
      const { model, recording, filter } = await modelOnRecording(ref, file, flags);
      try {
        const batch = await inBatch(recording, filter);
        const bar = patientBar('% streamed');
        const streamed = await verifyStreaming(filter, batch, randomFrom(flags.seed), bar.update);
        bar.stop();
        const { largest, worst } = await fromFloat64(batch, model.kernels, filter.minCoverage);
        const { fingerprint } = filter;
        const samples = recording.seqs.length;
        const equal = streamed.difference === undefined;
        const maxDifference = Number.isFinite(largest) ? largest : null;
        const near = `${digits(worst.difference)} in ${recording.channels[worst.channel]}, where ${digits(worst.allowed)} is allowed`;
        if (flags.json) printJson({ samples, cuts: streamed.cuts, equal, maxDifference, fingerprint });
        else {
          const { channels } = batch;
          print(`${samples} samples of ${channels} channels in ${streamed.cuts} frames (seed ${flags.seed})`);
          if (equal) print('streaming equals batch, bit for bit');
          print(`largest difference from float64: ${near}`);
          print(`fingerprint: ${fingerprint}`);
        }
        if (!equal) throw unequal(streamed.difference, recording);
        if (worst.difference > worst.allowed) {
          throw new FirtrendError(
            'notAccurate',
            `trends: expected what float64 gives, got a difference of ${near}`,
          );
        }
      } finally {
        await filter.release();
      }
    });
}

async function inBatch(
  recording: Recording,
  filter: Parameters<typeof import('./batchTrends.ts').batchTrends>[1],
): Promise<BatchTrends> {
  const { batchTrends } = await import('./batchTrends.ts');
  const { length, values } = recording;
  const channels = values.length;
  const planes = new Float32Array(channels * length);
  for (const [c, channel] of values.entries()) planes.set(channel, c * length);
  const trend = new Float32Array(channels * length).fill(Number.NaN);
  const coverage = new Float32Array(channels * length).fill(Number.NaN);
  const runs: { seq: number; rows: number }[] = [];
  for await (const block of batchTrends(recording, filter)) {
    const { seq, rows } = block;
    for (let c = 0; c < channels; c++) {
      const at = c * length + seq;
      trend.set(block.trend.subarray(c * rows, (c + 1) * rows), at);
      if (block.coverage) coverage.set(block.coverage.subarray(c * rows, (c + 1) * rows), at);
      else coverage.fill(1, at, at + rows);
    }
    const last = runs.at(-1);
    if (last && last.seq + last.rows === seq) last.rows += rows;
    else runs.push({ seq, rows });
  }
  return { channels, length, planes, runs, trend, coverage };
}

/**
 * How far the trends are from the definition in float64, at most and where it is worst beside what is allowed there:
 * (K + 2)·2^-24 of the channel's largest sample, and of its bias. A trend missing on one side alone is infinitely far.
 */
async function fromFloat64(
  { channels, length, planes, runs, trend }: BatchTrends,
  kernels: readonly { readonly taps: Float64Array; readonly bias: number }[],
  minCoverage: number,
): Promise<{ largest: number; worst: { channel: number; difference: number; allowed: number } }> {
  const { referenceTrend } = await import('../dsp/reference.ts');
  const bound = (kernels[0]!.taps.length + 2) * 2 ** -24;
  const each = Array.from({ length: channels }, (_, channel) => {
    const x = planes.subarray(channel * length, (channel + 1) * length);
    const kernel = kernels[kernels.length === 1 ? 0 : channel]!;
    const reference = referenceTrend(x, kernel, minCoverage);
    let most = Math.abs(kernel.bias);
    for (const sample of x) if (Number.isFinite(sample)) most = Math.max(most, Math.abs(sample));
    let difference = 0;
    for (const { seq, rows } of runs) {
      for (let n = seq; n < seq + rows; n++) {
        const wanted = reference.trend[n]!;
        const got = trend[channel * length + n]!;
        // Within rounding of the threshold either answer is right.
        if (Math.abs(reference.coverage[n]! - minCoverage) <= bound) continue;
        if (Number.isNaN(wanted) && Number.isNaN(got)) continue;
        const apart = Math.abs(got - wanted);
        difference = Math.max(difference, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
      }
    }
    return { channel, difference, allowed: bound * most };
  });
  // Multiplied out: a channel of zeros allows nothing, and needs nothing.
  const worst = each.reduce((a, b) => (b.difference * a.allowed > a.difference * b.allowed ? b : a));
  return { largest: Math.max(...each.map(({ difference }) => difference)), worst };
}

function unequal(
  { what, channel, seq, batch, streamed }: NonNullable<Streamed['difference']>,
  { channels }: Recording,
): FirtrendError {
  const where = `${what} of ${channels[channel]} at sample ${seq}`;
  return new FirtrendError(
    'notEqual',
    `${where}: expected ${batch} as in batch, got ${streamed} when streamed`,
  );
}
