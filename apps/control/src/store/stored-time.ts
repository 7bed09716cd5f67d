import type { Clock } from '@autopilot/sync-contract';

/** Now, as the store keeps it: whole milliseconds, whatever fractions a clock gives. */
export function storedNow(clock: Clock): number {
  return Math.floor(clock.now());
}
