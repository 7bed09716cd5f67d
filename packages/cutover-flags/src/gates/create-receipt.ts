import { canonicalJson } from '@autopilot/sync-contract';
import { type DsseEnvelope, signEnvelope } from './dsse.ts';
import type { GateObservation } from './gate.ts';
import type { SigningKey } from './keys.ts';
import { receiptPayloadType, statementOf } from './statement.ts';

/**
 * Signs what a gate saw: an in-toto Statement v1 in a DSSE envelope, with one signature for each key.
 *
 * @throws {CutoverError} `invalid_observation`, `invalid_key`.
 */
export function createReceipt(observation: GateObservation, ...keys: readonly SigningKey[]): DsseEnvelope {
  const payload = new TextEncoder().encode(canonicalJson(statementOf(observation)));
  return signEnvelope(receiptPayloadType, payload, keys);
}
