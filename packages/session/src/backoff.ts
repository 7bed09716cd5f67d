/** How long to wait between attempts. Milliseconds. */
export interface BackoffPolicy {
  /** Nothing is ever tried sooner. */
  readonly floorMs: number;
  readonly baseMs: number;
  readonly capMs: number;
}

/** 250 ms, 500 ms, 30 s. */
export const defaultBackoff: BackoffPolicy = { floorMs: 250, baseMs: 500, capMs: 30_000 };

/**
 * Full jitter: anywhere between 0 and base * 2^failures (at most the cap), but never below the floor, and never before
 * the other side's `retryAfterMs`.
 *
 * @param failures attempts in a row that proved no use before this wait, 0 for the first.
 * @param chance from 0 (included) to 1 (excluded).
 */
export function backoffDelay(policy: BackoffPolicy, failures: number, chance: number, retryAfterMs = 0): number {
  const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(failures, 30));
  return Math.max(policy.floorMs, Math.round(chance * ceiling), retryAfterMs);
}
