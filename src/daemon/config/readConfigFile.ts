import { readFile } from 'node:fs/promises';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { FirtrendError } from '../../dsp/error.ts';

/** A configuration file as written. */
export interface ConfigFile {
  readonly path: string;
  readonly values: unknown;
  /** `firtrend.yaml:12`: where the value at `path` stands, or what holds it. */
  at(path: readonly PropertyKey[]): string;
}

/** @throws FirtrendError `configFile` where it cannot be read or is no YAML. No message quotes it: it may hold secrets. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new FirtrendError('configFile', `config ${path}: expected a readable file, got ${cause.code}`, {
      cause,
    });
  });
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, schema: 'core' });
  const [broken] = document.errors;
  if (broken) {
    const { line } = lines.linePos(broken.pos[0]);
    const got = broken.code.toLowerCase().replaceAll('_', ' ');
    throw new FirtrendError('configFile', `${path}:${line}: expected YAML, got an error in it (${got})`);
  }
  return {
    path,
    values: document.toJS({ maxAliasCount: 100 }),
    at(keys) {
      for (let length = keys.length; length > 0; length--) {
        const node = document.getIn(keys.slice(0, length), true);
        if (isNode(node) && node.range) return `${path}:${lines.linePos(node.range[0]).line}`;
      }
      return path;
    },
  };
}
