/** Durations and sizes as an operator writes them: a number with a unit. Inside they are milliseconds and bytes. */

const durations = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const sizes = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** Milliseconds of `10s`, `500ms`, `1.5h`, `7d`; a number without a unit is milliseconds. NaN for anything else. */
export function parseDuration(value: string | number): number {
  return quantity(value, durations);
}

/** Bytes of `64KiB`, `1.5GiB`; a number without a unit is bytes. NaN for anything else. */
export function parseSize(value: string | number): number {
  return quantity(value, sizes);
}

/** The shortest text that `parseDuration` reads back. */
export function formatDuration(ms: number): string {
  return formatted(ms, durations);
}

/** The shortest text that `parseSize` reads back. */
export function formatSize(bytes: number): string {
  return formatted(bytes, sizes);
}

function quantity(value: string | number, units: Readonly<Record<string, number>>): number {
  if (typeof value === 'number') return value;
  const [, digits, unit] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(value.trim()) ?? [];
  if (digits === undefined) return Number.NaN;
  if (unit === '') return Number(digits);
  return Object.hasOwn(units, unit!) ? Number(digits) * units[unit!]! : Number.NaN;
}

function formatted(value: number, units: Readonly<Record<string, number>>): string {
  const [unit, size] = Object.entries(units).findLast(([, each]) => value >= each && value % each === 0) ?? [
    Object.keys(units)[0]!,
    1,
  ];
  return `${value / size}${unit}`;
}
