import { type PayloadHash, payloadHash } from '@autopilot/sync-contract';
import { CutoverError } from '../errors.ts';
import { type DsseEnvelope, fromBase64, preAuthEncoding, readEnvelope } from './dsse.ts';
import { type TrustedKey, verifyBytes } from './keys.ts';
import type { VerifiedReceipt } from './receipt.ts';
import { observationOf, receiptPayloadType } from './statement.ts';

/**
 * Verifies an envelope as it came: form, signature, and that a key which signed may speak for the gate. Signatures of
 * keys that are not trusted are passed over; one good signature of a trusted key is enough.
 *
 * @throws {CutoverError} `receipt_malformed`, `receipt_payload_type`, `receipt_untrusted_key`, `receipt_bad_signature`,
 * `receipt_statement`, `invalid_observation`, `receipt_gate_not_allowed`, `invalid_key`.
 */
export function verifyReceipt(value: unknown, trusted: readonly TrustedKey[]): VerifiedReceipt {
  const { envelope, payload } = readEnvelope(value);
  if (envelope.payloadType !== receiptPayloadType) {
    throw new CutoverError('receipt_payload_type', `The payload type is not ${receiptPayloadType}.`);
  }
  const bytes = preAuthEncoding(envelope.payloadType, payload);
  let known = false;
  const signers: TrustedKey[] = [];
  for (const { keyid, sig } of envelope.signatures) {
    for (const key of trusted.filter((candidate) => candidate.keyid === keyid)) {
      known = true;
      if (verifyBytes(key, bytes, fromBase64(sig, 'a signature'))) signers.push(key);
    }
  }
  if (!known) throw new CutoverError('receipt_untrusted_key', 'No key that signed the receipt is trusted.');
  if (signers.length === 0) throw new CutoverError('receipt_bad_signature', 'No signature of a trusted key is right.');
  const observation = observationOf(payload);
  const speakers = signers.filter((key) => key.gates.includes(observation.gate));
  if (speakers.length === 0) {
    throw new CutoverError('receipt_gate_not_allowed', `No key that signed may speak for ${observation.gate}.`);
  }
  const signed_by = [...new Set(speakers.map((key) => key.keyid))];
  return { observation, signed_by, digest: receiptDigest(envelope), envelope };
}

/** Names a receipt by its payload, whoever signed it. */
export function receiptDigest(envelope: DsseEnvelope): PayloadHash {
  return payloadHash(envelope.payload);
}
