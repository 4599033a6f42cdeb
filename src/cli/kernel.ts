import { Argument, Command } from 'commander';
import { FirtrendError } from '../dsp/error.ts';
import { type Family, families, familyTaps } from '../dsp/families.ts';
import { guarantees } from '../dsp/guarantees.ts';
import { maxTaps } from '../dsp/kernel.ts';
import { asUsage, examples, finiteNumber, numbers, wholeNumber } from './options.ts';
import { print, printJson } from './output.ts';
import { guaranteesText } from './text.ts';

interface KernelOptions {
  readonly taps: number;
  readonly alpha?: number;
  readonly beta?: number;
  readonly parameters?: number[];
  readonly json?: boolean;
}

/** `firtrend kernel`: the formula's own float64 taps, unchanged. */
export function kernelCommand(): Command {
  return new Command('kernel')
    .description('print the taps of a kernel family and what they guarantee')
    .addArgument(new Argument('<family>', 'kernel family').choices(families))
    .requiredOption('--taps <k>', 'number of taps K', wholeNumber(1, maxTaps))
    .option('--alpha <a>', 'ramp: slope of the logits per sample', finiteNumber)
    .option('--beta <b>', 'ramp: offset of the logits; it drops out', finiteNumber)
    .option(
      '--parameters <p,p,…>',
      'cumulative, simplex: from the oldest tap to the newest; boxcars: from length 1 to K',
      numbers,
    )
    .option('--json', 'print one JSON document, taps newest first')
    .addHelpText(
      'after',
      examples(
        'firtrend kernel ramp --taps 31 --alpha 0.1',
        'firtrend kernel boxcars --taps 3 --parameters 0,0,1 --json',
      ),
    )
    .action((family: Family, options: KernelOptions) => {
      const taps = asUsage(() => familyTaps(family, options.taps, parametersOf(family, options)));
      const found = guarantees({ taps, bias: 0 });
      if (options.json) {
        printJson({ family, taps: [...taps], bias: 0, guarantees: found });
        return;
      }
      print(`${family}, ${taps.length} taps, newest first:`);
      print([...taps].join('\n'));
      print(guaranteesText(found));
      if (options.beta !== undefined) print('beta moves every logit alike and drops out of the softmax.');
    });
}

function parametersOf(family: Family, { alpha, beta, parameters }: KernelOptions): number[] {
  if (family === 'ramp' && parameters === undefined) {
    if (alpha === undefined)
      throw new FirtrendError('usage', 'ramp: expected --alpha A (and --beta B if you like)');
    return [alpha, ...(beta === undefined ? [] : [beta])];
  }
  if (alpha !== undefined || beta !== undefined) {
    throw new FirtrendError('usage', `${family}: --alpha and --beta belong to ramp without --parameters`);
  }
  if (parameters === undefined) throw new FirtrendError('usage', `${family}: expected --parameters P,P,…`);
  return parameters;
}
