import { schnorr } from '@noble/curves/secp256k1.js';
import type { VerifyOne } from './verifier.ts';

/** In JavaScript: slow, and everywhere. The id is taken as it is: whoever calls has compared it with the contents. */
export const verifyByNoble: VerifyOne = ({ id, pubkey, sig }) => {
  try {
    return schnorr.verify(Buffer.from(sig, 'hex'), Buffer.from(id, 'hex'), Buffer.from(pubkey, 'hex'));
  } catch {
    return false;
  }
};
