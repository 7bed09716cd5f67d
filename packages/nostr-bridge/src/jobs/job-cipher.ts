import type { Random } from '@autopilot/sync-contract';
import { decrypt as decryptNip04 } from 'nostr-tools/nip04';
import { decrypt, encrypt, getConversationKey } from 'nostr-tools/nip44';
import { BridgeError } from '../errors.ts';

/** Encrypts for, and decrypts from, another key. */
export interface Cipher {
  /** NIP-44. */
  encrypt(pubkey: string, text: string): string;
  /** NIP-44, and NIP-04 where somebody still sends it. @throws {BridgeError} `decryption_failed` */
  decrypt(pubkey: string, payload: string): string;
}

const longestPayload = 512 * 1024;

/** A cipher of a key in memory. NIP-04 is only ever read: it hides less than it seems to. */
export function secretKeyCipher(secretKey: Uint8Array, random: Random): Cipher {
  return {
    encrypt: (pubkey, text) => encrypt(text, getConversationKey(secretKey, pubkey), random.bytes(32)),
    decrypt: (pubkey, payload) => {
      if (payload.length > longestPayload) throw new BridgeError('decryption_failed', 'The content is too long.');
      try {
        return payload.includes('?iv=')
          ? decryptNip04(secretKey, pubkey, payload)
          : decrypt(payload, getConversationKey(secretKey, pubkey));
      } catch (cause) {
        throw new BridgeError('decryption_failed', 'The content cannot be decrypted with this key.', { cause });
      }
    },
  };
}
