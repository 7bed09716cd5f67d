import { canonicalJson, payloadHash } from '@autopilot/sync-contract';

/**
 * Whether a payload is the one that khala's own hash was made of: base64 of SHA-256 over its JSON with sorted members.
 * A payload without a hash, or one that canonical JSON cannot carry, is `unknown`.
 */
export function checkPayloadHash(payload: unknown, hash: string | null): 'equal' | 'differs' | 'unknown' {
  if (hash === null) return 'unknown';
  try {
    canonicalJson(payload);
  } catch {
    return 'unknown';
  }
  const own = Buffer.from(payloadHash(payload).slice('sha256:'.length), 'hex').toString('base64');
  return own === hash ? 'equal' : 'differs';
}
