/** What was measured stands between these lines; the prose around it is written by hand and stays. */
const begin = (name: string): string => `<!-- npm run bench -- ${name} --write -->`;
const end = '<!-- end -->';

/** The document with other tables in the section of that name. Throws where it has no place for them. */
export function withTables(document: string, name: string, tables: string): string {
  const from = document.indexOf(begin(name));
  const to = document.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`docs/benchmarks.md: expected ${begin(name)} … ${end}`);
  return `${document.slice(0, from)}${begin(name)}\n\n${tables}\n\n${document.slice(to)}`;
}
