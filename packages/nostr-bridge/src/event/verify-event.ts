import { verifyByNoble } from '../inbound/noble-verify.ts';
import type { NostrEvent } from './event.ts';
import { eventId } from './event-id.ts';

/**
 * Whether an event is what its author signed: the id is that of the contents, and the signature is the author's. In
 * JavaScript, some milliseconds for each: for single events that somebody sends, not for what relays bring.
 */
export function verifyEvent(event: NostrEvent): boolean {
  return eventId(event) === event.id && verifyByNoble(event);
}
