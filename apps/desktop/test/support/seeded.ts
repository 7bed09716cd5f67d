/** Chance from one seed, the same on every machine. */
export interface Seeded {
  /** 0 (included) to 1 (excluded). */
  next(): number;
  /** `from` to `to`, both included. */
  whole(from: number, to: number): number;
  chance(share: number): boolean;
}

/** xorshift of 32 bits. */
export function seeded(seed: number): Seeded {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  return {
    next,
    whole: (from, to) => from + Math.floor(next() * (to - from + 1)),
    chance: (share) => next() < share,
  };
}
