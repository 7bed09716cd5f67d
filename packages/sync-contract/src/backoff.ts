import { SyncError } from './errors.ts';
import type { Random } from './ports.ts';

/** How long to wait between attempts. Milliseconds; see {@link isBackoffPolicy}. */
export interface BackoffPolicy {
  /** Nothing is ever tried sooner. 0 allows another attempt at once. */
  readonly floorMs: number;
  /** Longest wait before the second attempt; doubles with every further failure. */
  readonly baseMs: number;
  /** The doubling ends here. */
  readonly capMs: number;
}

/** Doublings after which any cap in use has long been reached. */
const mostDoublings = 30;

/** Whether the three are finite, the base above 0, the floor not below 0, and the cap neither 0 nor below the floor. */
export function isBackoffPolicy({ floorMs, baseMs, capMs }: BackoffPolicy): boolean {
  return [floorMs, baseMs, capMs].every(Number.isFinite) && floorMs >= 0 && baseMs > 0 && capMs > 0 && capMs >= floorMs;
}

/**
 * Full jitter: evenly spread from the floor to `baseMs` * 2^`failures`, at most the cap. What the draw may not shorten
 * is `retryAfterMs`, the wait that the other side asked for, even where it is beyond the cap.
 *
 * The draw is scaled to what lies above the floor, not cut off by it: a cut would send everybody whose draw was short
 * at the same moment, which jitter is there to prevent.
 *
 * @param failures attempts in a row that failed before this one, 0 for the first. Not a number counts as very many.
 * @param retryAfterMs what is not a finite number above 0 counts as not asked for.
 * @returns whole milliseconds, unless floor, cap or `retryAfterMs` are not.
 * @throws {SyncError} `invalid_request` when {@link isBackoffPolicy} refuses the policy.
 */
export function backoffDelay(policy: BackoffPolicy, failures: number, random: Random, retryAfterMs = 0): number {
  const { floorMs, baseMs, capMs } = policy;
  if (!isBackoffPolicy(policy)) {
    throw new SyncError('invalid_request', 'A backoff needs 0 <= floorMs <= capMs and baseMs and capMs above 0.', {
      details: { floorMs, baseMs, capMs },
    });
  }
  const doublings = Number.isNaN(failures) ? mostDoublings : Math.min(mostDoublings, Math.max(0, failures));
  const bound = Math.max(floorMs, Math.min(capMs, baseMs * 2 ** doublings));
  const drawn = Math.round(floorMs + random.next() * (bound - floorMs));
  const delay = Math.min(bound, Math.max(floorMs, drawn));
  return Number.isFinite(retryAfterMs) ? Math.max(delay, retryAfterMs) : delay;
}
