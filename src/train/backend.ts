import { createRequire } from 'node:module';
import util from 'node:util';
import type Tfjs from '@tensorflow/tfjs-node';
import { FirtrendError } from '../dsp/error.ts';

/** What both packages of TensorFlow.js have in common, which is all that is used here. */
export type TensorFlow = typeof Tfjs;

/** Which TensorFlow computes the gradients. */
export interface Backend {
  readonly tf: TensorFlow;
  readonly name: 'tensorflow' | 'cpu';
  /** Whether it is libtensorflow, and not JavaScript. */
  readonly native: boolean;
  /** Of TensorFlow.js. */
  readonly version: string;
  /** Why it is not native; empty where it is. */
  readonly warnings: readonly string[];
}

/**
 * TensorFlow.js: native where its addon loads, else its JavaScript backend with a warning. Loading costs 0.8 s and
 * 275 MB, so it happens here and only when a fit begins.
 *
 * @param importNative stands in for a broken addon in tests
 * @throws FirtrendError `tensorflowMissing` where neither is installed
 */
export async function loadBackend(importNative: () => TensorFlow = importTfjsNode): Promise<Backend> {
  // Read when libtensorflow is loaded: without it, its start-up notes would land on stderr.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  restoreIsNullOrUndefined();
  try {
    const tf = importNative();
    await tf.ready();
    return { tf, name: 'tensorflow', native: true, version: tf.version_core, warnings: [] };
  } catch (error) {
    const tf = javaScriptBackend(error);
    await tf.setBackend('cpu');
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return {
      tf,
      name: 'cpu',
      native: false,
      version: tf.version_core,
      warnings: [
        `TensorFlow's native library did not load (${reason}); training runs on its JavaScript backend, which is ` +
          'slower. Run node scripts/setup.mjs',
      ],
    };
  }
}

// Both packages are CommonJS; loaded as such, they look the same under Node, tsx and vitest.
const require = createRequire(import.meta.url);

function importTfjsNode(): TensorFlow {
  return require('@tensorflow/tfjs-node');
}

/** tfjs-node calls util.isNullOrUndefined, which Node 23 removed, in each operation. */
function restoreIsNullOrUndefined(): void {
  if ('isNullOrUndefined' in util) return;
  Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined });
}

/** The plain TensorFlow.js that tfjs-node brings with it, wherever the package manager has put that. */
function javaScriptBackend(cause: unknown): TensorFlow {
  try {
    return createRequire(require.resolve('@tensorflow/tfjs-node/package.json'))('@tensorflow/tfjs');
  } catch {
    throw new FirtrendError(
      'tensorflowMissing',
      'training needs TensorFlow.js, which is not installed: install firtrend without --omit=optional (in a checkout: node scripts/setup.mjs)',
      { cause },
    );
  }
}
