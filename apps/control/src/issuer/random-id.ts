import type { Random } from '@autopilot/sync-contract';

/** 128 random bits as 32 hex digits. */
export function randomId(random: Random): string {
  return Buffer.from(random.bytes(16)).toString('hex');
}
