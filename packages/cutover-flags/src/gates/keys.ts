import type { JsonWebKey } from 'node:crypto';
import type { GateId } from './gate.ts';

/** A private key that signs receipts: Ed25519 (OKP) or ES256 (EC on P-256), as a JWK with its private part. */
export interface SigningKey {
  readonly keyid: string;
  readonly jwk: JsonWebKey;
}

/** A public key whose receipts are believed, and the gates it may speak for. */
export interface TrustedKey {
  readonly keyid: string;
  readonly jwk: JsonWebKey;
  readonly gates: readonly GateId[];
}
