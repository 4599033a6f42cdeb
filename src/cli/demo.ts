import { Command } from 'commander';
import { FirtrendError } from '../dsp/error.ts';
import { runDemo } from './demo/runDemo.ts';
import { examples, modelsOption, positiveNumber, wholeNumber } from './options.ts';
import { note } from './output.ts';

/** `firtrend demo`: the whole path on the shipped recording, until Ctrl-C or for so many seconds. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('train on the shipped recording, serve, stream it at its own pace, and show raw and trend')
    .option('--for <seconds>', 'end by itself after so long (default: on Ctrl-C)', positiveNumber)
    .option('--port <port>', 'port of the daemon, 0 for any free one', wholeNumber(0, 65535), 0)
    .addOption(modelsOption())
    .addHelpText('after', examples('firtrend demo', 'firtrend demo --for 10'))
    .action(async (options: { for?: number; port: number; models: string }) => {
      const summary = await runDemo({ seconds: options.for, port: options.port, models: options.models });
      note(
        [
          '',
          `kernel       ${summary.model}, trained in this run on ${summary.backend}`,
          `samples in   ${summary.samplesIn}`,
          `trends out   ${summary.trendsOut}`,
          `lost         ${summary.lost}`,
          `latency      median ${summary.medianLatency.toFixed(2)} ms, p99 ${summary.p99Latency.toFixed(2)} ms`,
        ].join('\n'),
      );
      if (summary.trendsOut === 0) throw new FirtrendError('demoFailed', 'demo: expected trends, got none');
      if (summary.lost > 0)
        throw new FirtrendError('demoFailed', `demo: expected no trend lost, got ${summary.lost}`);
    });
}
