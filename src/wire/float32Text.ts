/** 10^0 … 10^22: the powers of ten that a double holds exactly. */
const powers = Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));
/** Below this float32 thins out, and fewer than 6 digits may be the shortest. */
const smallestNormal = 2 ** -126;

/**
 * The shortest decimal (in significant digits, as JSON) that reads back to the same float32; `-0` for negative zero,
 * `null` for what is not finite. `value` must be a float32.
 *
 * Every decimal of up to 6 digits survives float32, and 9 always suffice: so the nearest decimal of 6, 7, 8 or 9 digits
 * is tried, and the one after it, because below a power of two float32 is finer than above. It is n / 10^k with both
 * exact in a double, so the quotient is the double nearest to it and prints as it.
 */
export function float32Text(value: number): string {
  if (Number.isInteger(value) && value >= -16777216 && value <= 16777216) {
    return value === 0 && Object.is(value, -0) ? '-0' : String(value);
  }
  if (!Number.isFinite(value)) return 'null';
  const size = Math.abs(value);
  if (size < 1e-10 || size > 1e27) return byDigits(value);
  const sign = Math.sign(value);
  // A hair above: of two neighbouring exponents the higher one, which starts with fewer digits, is always safe.
  const exponent = Math.floor(Math.log10(size) + 1e-9);
  for (let k = 5 - exponent; k <= 8 - exponent; k++) {
    const n = Math.round(shifted(value, k));
    const near = shifted(n, -k);
    if (Math.fround(near) === value) return String(near);
    const next = shifted(n + sign, -k);
    if (Math.fround(next) === value) return String(next);
  }
  return byDigits(value);
}

/** n · 10^k, correctly rounded where n is exact and |k| ≤ 22. */
function shifted(n: number, k: number): number {
  return k >= 0 ? n * powers[k]! : n / powers[-k]!;
}

/** The same by way of text, for the far ends of the range. */
function byDigits(value: number): string {
  const sign = Math.sign(value);
  for (let digits = Math.abs(value) < smallestNormal ? 1 : 6; digits < 9; digits++) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split('e');
    const n = Number(mantissa!.replace('.', ''));
    const k = Number(exponent) - (digits - 1);
    const near = Number(`${n}e${k}`);
    if (Math.fround(near) === value) return String(near);
    const next = Number(`${n + sign}e${k}`);
    if (Math.fround(next) === value) return String(next);
  }
  return String(Number(value.toPrecision(9)));
}
