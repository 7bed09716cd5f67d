import type { Random } from '@autopilot/sync-contract';
import { schnorr } from '@noble/curves/secp256k1.js';
import { BridgeError } from '../errors.ts';
import type { EventTemplate, NostrEvent } from './event.ts';
import { eventId } from './event-id.ts';

/** Signs for one author. It may be slow, elsewhere, or fail: every call of it has a deadline. */
export interface Signer {
  /** 64 lowercase hexadecimal digits. */
  readonly pubkey: string;
  sign(template: EventTemplate): NostrEvent | Promise<NostrEvent>;
}

/** What signs a hash of 32 bytes by BIP-340. */
type SignHash = (hash: Uint8Array, secretKey: Uint8Array, auxiliary: Uint8Array) => Uint8Array;

/**
 * Signs with a key in memory, in JavaScript: some milliseconds for each event. {@link loadSigner} gives a faster one.
 *
 * @param secretKey 32 bytes.
 * @param random Only for what BIP-340 mixes into the nonce; the same bytes give the same signature.
 * @throws {BridgeError} `invalid_option` when the key is none.
 */
export function secretKeySigner(secretKey: Uint8Array, random: Random): Signer {
  return signerWith(schnorr.sign, secretKey, random);
}

/**
 * As {@link secretKeySigner}, with the same signatures, by libsecp256k1 in WebAssembly: some tenths of a millisecond for
 * each event. In JavaScript where there is no WebAssembly.
 *
 * @throws {BridgeError} `invalid_option` when the key is none.
 */
export async function loadSigner(secretKey: Uint8Array, random: Random): Promise<Signer> {
  let sign: SignHash = schnorr.sign;
  try {
    sign = (await import('tiny-secp256k1')).signSchnorr;
  } catch {
    // The slow way still is.
  }
  return signerWith(sign, secretKey, random);
}

function signerWith(signHash: SignHash, secretKey: Uint8Array, random: Random): Signer {
  let pubkey: string;
  try {
    pubkey = Buffer.from(schnorr.getPublicKey(secretKey)).toString('hex');
  } catch (cause) {
    throw new BridgeError('invalid_option', 'The secret key is not a key of secp256k1.', { cause });
  }
  return {
    pubkey,
    sign: ({ created_at, kind, tags, content }) => {
      const unsigned = { pubkey, created_at, kind, tags: tags.map((tag) => [...tag]), content };
      const id = eventId(unsigned);
      const signature = signHash(Buffer.from(id, 'hex'), secretKey, random.bytes(32));
      return { ...unsigned, id, sig: Buffer.from(signature).toString('hex') };
    },
  };
}
