import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './command.ts';

export interface Block {
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a document, in order. */
export function blocksOf(file: string): Block[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, inside]) => ({
    language: language!,
    text: inside!,
  }));
}

/** The command lines of the `sh` blocks, without their comments. */
export function commandsOf(file: string): string[] {
  return blocksOf(file)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.replace(/\\\n\s*/g, ' ').split('\n'))
    .map((line) => line.replace(/\s+# .*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}
