import type { PayloadHash } from '@autopilot/sync-contract';
import type { DsseEnvelope } from './dsse.ts';
import type { GateObservation } from './gate.ts';

/** A receipt whose signature, key and form have been verified. */
export interface VerifiedReceipt {
  readonly observation: GateObservation;
  /** Key ids of the trusted keys that signed it and may speak for its gate. */
  readonly signed_by: readonly string[];
  /** Over the payload bytes: names this receipt in plans, audit and bundles, whoever signed it. */
  readonly digest: PayloadHash;
  readonly envelope: DsseEnvelope;
}
