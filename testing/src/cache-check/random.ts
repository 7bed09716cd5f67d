/** Chance that depends on a seed alone. */
export interface SeededRandom {
  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number;
  shuffled<T>(items: readonly T[]): T[];
}

/** Mulberry32: numbers from 0 to below 1, in the sense of a test's seed and of nothing secret. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  return {
    between,
    shuffled(items) {
      const rest = [...items];
      for (let last = rest.length - 1; last > 0; last -= 1) {
        const other = between(0, last);
        [rest[last], rest[other]] = [rest[other] as (typeof rest)[number], rest[last] as (typeof rest)[number]];
      }
      return rest;
    },
  };
}
