/**
 * The chance that a chi-square distributed value is at least `statistic`: the upper regularized gamma function
 * Q(degrees / 2, statistic / 2). NaN when the arguments are none of a test.
 */
export function chiSquarePValue(statistic: number, degrees: number): number {
  if (!(statistic >= 0) || !Number.isInteger(degrees) || degrees < 1) return Number.NaN;
  if (statistic === 0) return 1;
  if (statistic === Number.POSITIVE_INFINITY) return 0;
  const a = degrees / 2;
  const x = statistic / 2;
  const scale = Math.exp(a * Math.log(x) - x - logGammaOfHalf(degrees));
  return x < a + 1 ? Math.max(0, 1 - scale * lowerSeries(a, x)) : scale * upperFraction(a, x);
}

/** log Gamma(n / 2) by the recurrence: exact for the whole and half numbers a test has. */
function logGammaOfHalf(n: number): number {
  let sum = n % 2 === 0 ? 0 : Math.log(Math.PI) / 2;
  for (let k = n - 2; k > 0; k -= 2) sum += Math.log(k / 2);
  return sum;
}

/** Sum of x^k / (a (a + 1) ... (a + k)): converges fast for x < a + 1. */
function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let k = 1; term > sum * Number.EPSILON && k < 10_000; k += 1) {
    term *= x / (a + k);
    sum += term;
  }
  return sum;
}

/** The continued fraction of the upper function, from its far end: converges fast for x >= a + 1. */
function upperFraction(a: number, x: number): number {
  const depth = 200 + Math.ceil(a);
  let tail = 0;
  for (let k = depth; k > 0; k -= 1) tail = (k * (k - a)) / (x + 2 * k + 1 - a - tail);
  return 1 / (x + 1 - a - tail);
}
