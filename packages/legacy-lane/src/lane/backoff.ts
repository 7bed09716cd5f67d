/** How long to wait between attempts. Milliseconds. */
export interface KhalaBackoff {
  /** Nothing is ever tried sooner. */
  readonly floorMs: number;
  readonly baseMs: number;
  readonly capMs: number;
}

/** 250 ms, 500 ms, 30 s. Khala's own clients slept a fixed 2 s, all of them at once. */
export const defaultKhalaBackoff: KhalaBackoff = { floorMs: 250, baseMs: 500, capMs: 30_000 };

/**
 * A wait with full jitter: between 0 and base * 2^failures, within floor and cap, and never before what khala asked for.
 *
 * @param chance from 0 (included) to 1 (excluded).
 */
export function khalaDelay(policy: KhalaBackoff, failures: number, chance: number, atLeastMs = 0): number {
  const highest = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(failures, 30));
  return Math.max(policy.floorMs, Math.round(chance * highest), atLeastMs);
}
