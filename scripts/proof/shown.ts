/** What a proof shows. */
export interface Shown {
  /** Markdown. */
  readonly text: string;
  /** Whether every promise of it held. */
  readonly holds: boolean;
}

/** A small number in at most seven characters. */
export function small(value: number): string {
  return value === 0 ? '0' : value.toExponential(1);
}

export function percent(share: number, digits = 3): string {
  return `${(100 * share).toFixed(digits)} %`;
}
