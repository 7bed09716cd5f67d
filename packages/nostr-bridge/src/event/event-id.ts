import { hash } from 'node:crypto';
import type { UnsignedEvent } from './event.ts';

/**
 * The id of an event: SHA-256 of the NIP-01 array, in lowercase hexadecimal digits. The text is that of JSON.stringify,
 * as in every library in use: control characters without a short form are escaped, although NIP-01 would have them as
 * they are.
 */
export function eventId(event: UnsignedEvent): string {
  const { pubkey, created_at, kind, tags, content } = event;
  return hash('sha256', JSON.stringify([0, pubkey, created_at, kind, tags, content]));
}
