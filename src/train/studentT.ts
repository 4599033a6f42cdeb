/**
 * The t with P(|T| ≤ t) = `probability` for Student's T with `freedom` degrees of freedom, by halving on the finite sums
 * of Abramowitz and Stegun 26.7.3 and 26.7.4.
 *
 * @param probability 0 … 1, exclusive
 * @param freedom a whole number ≥ 1
 */
export function studentT(probability: number, freedom: number): number {
  let [low, high] = [0, 1];
  while (within(high, freedom) < probability) high *= 2;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (within(middle, freedom) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(|T| ≤ t). */
function within(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const odd = freedom % 2 === 1;
  let term = odd ? cos : 1;
  let series = 0;
  for (let k = odd ? 3 : 2; k <= freedom; k += 2) {
    series += term;
    term *= ((k - 1) / k) * cos * cos;
  }
  return odd ? (2 / Math.PI) * (angle + sin * series) : sin * series;
}
