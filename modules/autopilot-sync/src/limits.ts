import { isPayloadHash, parseCanonicalJson, topicForStreamId } from '@autopilot/sync-contract';
import { checked, fail } from './fail.ts';
import { utf8Length } from './utf8.ts';

/** Largest payload of an event or a bridge event, UTF-8 bytes. */
export const largestPayload = 256 * 1024;
/** Largest payload that travels inside a `live_inbox` row, UTF-8 bytes. */
export const largestInlinePayload = 1024;
/** Sequences of one segment of a public stream. */
export const segmentLength = 256n;
/** Largest detail of presence, progress and capabilities, UTF-8 bytes. */
export const largestDetail = 4 * 1024;
/** Largest detail of an assignment, which carries its inputs and its result, UTF-8 bytes. */
export const largestAssignmentDetail = 64 * 1024;
/** What a grant names that shows the outbox of the bridge. No topic makes this id, so no stream can have it. */
export const bridgeOutboxId = 'bridge.outbox';
/** Longest identifier, UTF-16 code units. */
const longestId = 512;
/** Presence sessions that one connection may hold. */
export const mostSessions = 16;
/** Checkpoints kept per identity and stream; the oldest goes first. */
export const mostCheckpoints = 32;
/** Capabilities that one identity may publish. */
export const mostCapabilities = 32;
/** Rows that the capabilities view returns at most. */
export const mostListed = 500;
/** Pending bridge events that the view `bridge_pending` shows at most. */
export const mostPendingShown = 256;
/** The view `bridge_pending` ends with the row that brings its payloads to this many UTF-8 bytes. */
export const pendingBytes = 1024 * 1024;
/** How long a bridge event is kept after it was sent or refused, seconds. */
export const settledBridgeSeconds = 24 * 60 * 60;
/** How long an assignment is kept after it came to its end, seconds. */
export const finalAssignmentSeconds = 24 * 60 * 60;
/** Nostr keys that one identity may have. */
export const mostNostrKeys = 8;
/** Rows that the view `nostr_keys` returns at most. */
export const mostKeysShown = 4_096;
/** Longest time to live of presence and capabilities, seconds. */
const longestTtl = 24 * 60 * 60;

/** Refuses an identifier that is empty or too long. */
export function checkId(field: string, value: string): void {
  if (value.length === 0) fail('invalid_request', `${field} is empty.`);
  if (value.length > longestId) fail('invalid_request', `${field} is longer than ${longestId} characters.`);
}

/** Refuses a stream id that `streamIdForTopic` does not make. */
export function checkStreamId(streamId: string): void {
  checkId('stream_id', streamId);
  checked(() => topicForStreamId(streamId));
}

/** Refuses what is neither a stream id nor the id that grants the outbox of the bridge. */
export function checkGrantable(streamId: string): void {
  if (streamId !== bridgeOutboxId) checkStreamId(streamId);
}

/** Refuses a payload that is too large. */
export function checkSize(field: string, text: string, largest: number): void {
  // A text has at least as many bytes as code units.
  if (text.length > largest || utf8Length(text) > largest) {
    fail('payload_too_large', `${field} is larger than ${largest} bytes of UTF-8.`);
  }
}

/** Refuses a text that is not canonical JSON, or larger than `largest` UTF-8 bytes. */
export function checkJson(field: string, text: string, largest: number): void {
  checkSize(field, text, largest);
  checked(() => parseCanonicalJson(text));
}

/** Refuses a text that has not the form of a payload hash. */
export function checkHashForm(hash: string): void {
  if (!isPayloadHash(hash)) fail('invalid_request', 'payload_hash is not "sha256:" and 64 lowercase hex digits.');
}

/** Refuses a time to live outside 1..{@link longestTtl} seconds. */
export function checkTtl(seconds: number): void {
  if (seconds < 1 || seconds > longestTtl) {
    fail('invalid_request', `ttl_seconds is ${seconds}, not between 1 and ${longestTtl}.`);
  }
}
