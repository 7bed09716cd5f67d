/** How fast lanes may be changed one after the other. Milliseconds. */
export interface DampingLimits {
  /** After the first change, the next one waits so long; it doubles with every further one in the window. */
  readonly dwellMs: number;
  readonly longestDwellMs: number;
  /** Changes are forgotten after so long. */
  readonly windowMs: number;
  /** After a failed handover the next try waits so long; it doubles with every further failure in a row. */
  readonly retryMs: number;
  readonly longestRetryMs: number;
}

/** Damps flapping. Times are of the monotonic clock. */
export interface Damping {
  changed(now: number): void;
  failed(): void;
  /** Milliseconds from `now` until the next change may begin; 0 when it may begin at once. */
  wait(now: number): number;
  /** Milliseconds to wait before the next try, after a failure. */
  retryDelay(): number;
}

/** A memory of nothing yet. */
export function createDamping(limits: DampingLimits): Damping {
  let changes: readonly number[] = [];
  let failures = 0;
  return {
    changed(now) {
      changes = [...changes, now];
      failures = 0;
    },
    failed() {
      failures += 1;
    },
    wait(now) {
      changes = changes.filter((at) => now - at < limits.windowMs);
      const last = changes.at(-1);
      if (last === undefined) return 0;
      const dwell = Math.min(limits.longestDwellMs, limits.dwellMs * 2 ** (changes.length - 1));
      return Math.max(0, last + dwell - now);
    },
    retryDelay: () => Math.min(limits.longestRetryMs, limits.retryMs * 2 ** Math.max(0, failures - 1)),
  };
}
