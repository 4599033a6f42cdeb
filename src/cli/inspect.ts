import { Command } from 'commander';
import { examples, modelsOption } from './options.ts';
import { print, printJson } from './output.ts';
import { digits, guaranteesText } from './text.ts';

/** `firtrend inspect`: what a model file holds, read through the gate. */
export function inspectCommand(): Command {
  return new Command('inspect')
    .description('show what a model holds, where it came from and what it guarantees')
    .argument('<model>', 'a file, NAME, or NAME@VERSION')
    .addOption(modelsOption())
    .option('--json', 'print one JSON document, taps newest first')
    .addHelpText(
      'after',
      examples('firtrend inspect gait', 'firtrend inspect models/gait/1/model.onnx --json'),
    )
    .action(async (ref: string, options: { models: string; json?: boolean }) => {
      const { loadModel } = await import('../model/loadModel.ts');
      // Looking is always allowed; what a kernel lacks is printed.
      const model = await loadModel(ref, { models: options.models, allow: { unordered: true, bias: true } });
      const { name, version, path, kernels, channels, rate, guarantees, metadata, sha256 } = model;
      if (options.json) {
        const taps = kernels.map((kernel, i) => ({
          channel: kernels.length > 1 ? (channels?.[i] ?? null) : null,
          taps: [...kernel.taps],
          bias: kernel.bias,
        }));
        printJson({ name, version, path, kernels: taps, channels, rate, guarantees, metadata, sha256 });
        return;
      }
      print(`${name === null ? path : `${name}@${version}`}: ${guarantees.taps} taps, ${path}`);
      print(
        `serves ${channels ? channels.join(', ') : 'any channels'} at ${rate === null ? 'any rate' : `${rate} Hz`}`,
      );
      print(guaranteesText(guarantees, rate));
      for (const [key, value] of Object.entries(metadata)) {
        print(`${key}: ${typeof value === 'object' ? JSON.stringify(value) : value}`);
      }
      kernels.forEach((kernel, i) => {
        const of = kernels.length > 1 ? ` of ${channels?.[i]}` : '';
        const shown = [...kernel.taps].slice(0, 8).map((tap) => digits(tap));
        print(`taps${of}, newest first: ${shown.join(' ')}${kernel.taps.length > 8 ? ' …' : ''}`);
      });
      print(`sha256 ${sha256}`);
    });
}
