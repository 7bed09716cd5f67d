import type { TrustedKey } from './keys.ts';
import type { VerifiedReceipt } from './receipt.ts';

/**
 * Verifies an envelope as it came: form, signature, and that the key may speak for the gate.
 *
 * @throws {CutoverError} `receipt_malformed`, `receipt_payload_type`, `receipt_untrusted_key`, `receipt_bad_signature`,
 * `receipt_gate_not_allowed`, `receipt_statement`, `invalid_observation`.
 */
export function verifyReceipt(_envelope: unknown, _trusted: readonly TrustedKey[]): VerifiedReceipt {
  throw new Error('not yet');
}
