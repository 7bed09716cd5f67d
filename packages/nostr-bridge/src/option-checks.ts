import { type BackoffPolicy, isBackoffPolicy } from '@autopilot/sync-contract';
import { BridgeError } from './errors.ts';
import type { BucketOptions } from './relay/token-bucket.ts';

// Each throws a BridgeError `invalid_option` that names the setting.

/** Refuses what is not a finite number from `least`. */
export function atLeast(least: number, name: string, value: unknown): void {
  if (typeof value === 'number' && Number.isFinite(value) && value >= least) return;
  throw new BridgeError('invalid_option', `${name} has to be a number from ${least}.`);
}

/** Refuses a bucket that never has a token. */
export function checkBucket(name: string, { perSecond, burst }: BucketOptions): void {
  atLeast(1, `${name}.burst`, burst);
  atLeast(Number.MIN_VALUE, `${name}.perSecond`, perSecond);
}

/** Refuses a policy that cannot be meant, and one without a pause. */
export function checkBackoff(name: string, policy: BackoffPolicy): void {
  if (isBackoffPolicy(policy) && policy.floorMs > 0) return;
  throw new BridgeError('invalid_option', `${name} needs 0 < floorMs <= capMs and a baseMs above 0.`);
}
