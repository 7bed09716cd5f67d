import type { SigningKeyRow } from '../store/schema.ts';

/** When keys change. Milliseconds. */
export interface RotationPolicy {
  /**
   * How long a key is in the JWKS before it signs. Must exceed the slowest cache of a verifier: SpacetimeDB fetches a
   * JWKS again after 300 s, and an unknown kid does not make it fetch sooner.
   */
  readonly publishBeforeSign: number;
  /** How long a key signs before the next one takes over. */
  readonly signFor: number;
  /** How long a key stays in the JWKS after its last signature: the longest token life, and at least 2 h. */
  readonly keepAfterSign: number;
}

/** Published ten minutes ahead, a day of signing, two hours of grace. */
export const defaultRotation: RotationPolicy = {
  publishBeforeSign: 10 * 60_000,
  signFor: 24 * 3_600_000,
  keepAfterSign: 2 * 3_600_000,
};

/** What of a key the rule looks at. */
export type KeyTimes = Pick<SigningKeyRow, 'kid' | 'state' | 'published_at' | 'signing_since' | 'retired_at'>;

/** When the next key may begin to sign; undefined when there is none. */
export function nextMaySignAt(keys: readonly KeyTimes[], policy: RotationPolicy): number | undefined {
  const next = keys.find((key) => key.state === 'next');
  return next === undefined ? undefined : next.published_at + policy.publishBeforeSign;
}

/** Whether the current key has signed for long enough and the next one may take over. */
export function rotationDue(keys: readonly KeyTimes[], now: number, policy: RotationPolicy): boolean {
  const since = keys.find((key) => key.state === 'current')?.signing_since;
  const ready = nextMaySignAt(keys, policy);
  if (since === undefined || since === null || ready === undefined) return false;
  return now >= since + policy.signFor && now >= ready;
}

/** The keys that nobody needs any more: no token they signed can still be alive. */
export function expiredKeys(keys: readonly KeyTimes[], now: number, policy: RotationPolicy): readonly string[] {
  return keys
    .filter((key) => key.state === 'old' && key.retired_at !== null && now > key.retired_at + policy.keepAfterSign)
    .map((key) => key.kid);
}
