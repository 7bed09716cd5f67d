import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';

/** The first two bytes of every SpacetimeDB identity. */
const version = Uint8Array.of(0xc2, 0x00);

/**
 * The identity that SpacetimeDB derives from a token: 64 lowercase hex digits, most significant byte first. It hashes
 * the issuer, so the same subject under another issuer URL is somebody else.
 */
export function identityOf(issuer: string, subject: string): string {
  const name = blake3(utf8ToBytes(`${issuer}|${subject}`)).slice(0, 26);
  const checksum = blake3(concatBytes(version, name)).slice(0, 4);
  return bytesToHex(concatBytes(version, checksum, name));
}
