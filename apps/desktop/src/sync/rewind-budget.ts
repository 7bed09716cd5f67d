/** How often something may be tried again in a sliding window of time. */
export interface RewindBudget {
  /** Takes one try; false when the window has none left. */
  take(monotonic: number): boolean;
}

/** @param windowMs Milliseconds of the monotonic clock. */
export function createRewindBudget(limit: number, windowMs: number): RewindBudget {
  let taken: readonly number[] = [];
  return {
    take(monotonic) {
      taken = taken.filter((at) => monotonic - at < windowMs);
      if (taken.length >= limit) return false;
      taken = [...taken, monotonic];
      return true;
    },
  };
}
