import type { DsseEnvelope } from './dsse.ts';
import type { GateObservation } from './gate.ts';
import type { SigningKey } from './keys.ts';

/**
 * Signs what a gate saw: an in-toto Statement v1 in a DSSE envelope.
 *
 * @throws {CutoverError} `invalid_observation`, `invalid_key`.
 */
export function createReceipt(_observation: GateObservation, ..._keys: readonly SigningKey[]): DsseEnvelope {
  throw new Error('not yet');
}
