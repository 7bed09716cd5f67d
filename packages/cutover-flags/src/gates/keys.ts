import {
  createPrivateKey,
  createPublicKey,
  sign as cryptoSign,
  verify as cryptoVerify,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { CutoverError } from '../errors.ts';
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

/** Signs with the algorithm of the key. Throws `invalid_key`. */
export function signBytes(key: SigningKey, bytes: Uint8Array): Uint8Array {
  requireKind(key);
  let handle: KeyObject;
  try {
    handle = createPrivateKey({ key: key.jwk, format: 'jwk' });
  } catch (cause) {
    throw new CutoverError('invalid_key', `The key ${key.keyid} is no private key.`, { cause });
  }
  return isEdwards(key.jwk)
    ? cryptoSign(null, bytes, handle)
    : cryptoSign('sha256', bytes, { key: handle, dsaEncoding: 'ieee-p1363' });
}

const publicHandles = new WeakMap<JsonWebKey, KeyObject>();

/** Whether the signature is that of the key over the bytes. Throws `invalid_key`. */
export function verifyBytes(key: Pick<TrustedKey, 'keyid' | 'jwk'>, bytes: Uint8Array, signature: Uint8Array): boolean {
  requireKind(key);
  let handle = publicHandles.get(key.jwk);
  if (handle === undefined) {
    try {
      handle = createPublicKey({ key: key.jwk, format: 'jwk' });
    } catch (cause) {
      throw new CutoverError('invalid_key', `The key ${key.keyid} is no public key.`, { cause });
    }
    publicHandles.set(key.jwk, handle);
  }
  return isEdwards(key.jwk)
    ? cryptoVerify(null, bytes, handle, signature)
    : cryptoVerify('sha256', bytes, { key: handle, dsaEncoding: 'ieee-p1363' }, signature);
}

function isEdwards(jwk: JsonWebKey): boolean {
  return jwk.kty === 'OKP' && jwk.crv === 'Ed25519';
}

function requireKind({ keyid, jwk }: Pick<SigningKey, 'keyid' | 'jwk'>): void {
  if (isEdwards(jwk) || (jwk.kty === 'EC' && jwk.crv === 'P-256')) return;
  throw new CutoverError('invalid_key', `The key ${keyid} is neither Ed25519 nor P-256.`);
}
