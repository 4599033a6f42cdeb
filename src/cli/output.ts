/** Results go to stdout, and nothing else does. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Progress, warnings and errors go to stderr. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
