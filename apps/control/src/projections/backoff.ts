import type { Random } from '@autopilot/sync-contract';

/** Milliseconds. */
export interface BackoffPolicy {
  readonly base: number;
  readonly cap: number;
}

/** Full jitter: anywhere from nothing to an exponentially growing bound. `attempt` counts from 1. */
export function backoffDelay({ base, cap }: BackoffPolicy, attempt: number, random: Random): number {
  return random.next() * Math.min(cap, base * 2 ** Math.min(attempt - 1, 30));
}
