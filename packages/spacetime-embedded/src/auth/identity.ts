import { blake3 } from '@noble/hashes/blake3.js';
import { HostError } from '../errors.ts';

/**
 * The identity of a token's `iss` and `sub`: 64 lowercase hex digits, most significant byte first, beginning `c200`.
 *
 * @example
 * identityOf('https://control.example', 'desktop-7'); // 'c200...'
 */
export function identityOf(issuer: string, subject: string): string {
  return identityFromHash(blake3(new TextEncoder().encode(`${issuer}|${subject}`)));
}

/** The identity of a database: its name under its owner, so that a start without a data directory gives the same one. */
export function databaseIdentityOf(owner: string, name: string): string {
  return identityFromHash(blake3(new TextEncoder().encode(`database|${owner}|${name}`)));
}

/**
 * Reads an identity: 64 hex digits with a true checksum.
 *
 * @throws {HostError} `invalid_identity`.
 */
export function parseIdentity(text: string): string {
  const hex = text.toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex) && hex === identityFromHash(Buffer.from(hex.slice(12), 'hex'))) return hex;
  throw new HostError('invalid_identity', `${JSON.stringify(text)} is not an identity.`);
}

function identityFromHash(hash: Uint8Array): string {
  const body = Buffer.concat([Buffer.from([0xc2, 0x00]), hash.subarray(0, 26)]);
  const checksum = Buffer.from(blake3(body).subarray(0, 4));
  return Buffer.concat([body.subarray(0, 2), checksum, body.subarray(2)]).toString('hex');
}
