import type { Random } from '@autopilot/sync-contract';

/** A name for one run that no other run has: 24 hex digits. */
export function newBootId(random: Random): string {
  return Buffer.from(random.bytes(12)).toString('hex');
}
