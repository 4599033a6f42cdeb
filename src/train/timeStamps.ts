import { FirtrendError } from '../dsp/error.ts';

/** The unit of a time column that holds numbers. */
const timeUnits = ['s', 'ms'] as const;
export type TimeUnit = (typeof timeUnits)[number];

const millisecondsPer: Record<TimeUnit, number> = { s: 1000, ms: 1 };

const iso =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?$/i;

/**
 * One time stamp in ms: numbers in `unit`, from the zero of their column; ISO 8601 since 1970, where a stamp without
 * a zone is taken as UTC, so that a recording means the same on every machine.
 *
 * @returns NaN where the text is neither
 */
export function timeStamp(text: string, unit: TimeUnit): number {
  const trimmed = text.trim();
  if (trimmed === '') return Number.NaN;
  const number = Number(trimmed);
  return Number.isNaN(number) ? isoTime(trimmed) : number * millisecondsPer[unit];
}

function isoTime(text: string): number {
  const parts = iso.exec(text);
  if (parts === null) return Number.NaN;
  const [, date, minutes = '00:00', seconds = '00', fraction = '0', zone = 'Z'] = parts;
  const offset =
    zone.length === 3 ? `${zone}:00` : zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
  // Date keeps whole milliseconds, and fast sensors need more.
  return Date.parse(`${date}T${minutes}:${seconds}${offset.toUpperCase()}`) + Number(`0.${fraction}`) * 1000;
}

/** The index of the column that `name` names, else of the first one called time…, date… or timestamp…; -1 if none. */
export function timeColumn(names: readonly string[], name?: string): number {
  return name === undefined ? names.findIndex((column) => /^(time|date)/i.test(column)) : names.indexOf(name);
}

/** The unit in the CLI's spelling. @throws FirtrendError `timeUnit` */
export function checkedTimeUnit(unit: string): TimeUnit {
  const known = timeUnits.find((candidate) => candidate === unit);
  if (known !== undefined) return known;
  throw new FirtrendError('timeUnit', `time unit: expected one of ${timeUnits.join(', ')}, got ${unit}`);
}
