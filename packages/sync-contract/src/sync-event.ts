import { type CanonicalJson, canonicalJson } from './canonical-json.ts';
import type { JsonValue } from './json.ts';
import { canonicalPayloadHash, isHashOf, type PayloadHash } from './payload-hash.ts';

/**
 * One event of a stream: the durable envelope of every lane. `(stream_id, epoch, seq)` names it for ever.
 */
export interface SyncEvent {
  /** See {@link streamIdForTopic}. */
  readonly stream_id: string;
  /** Names one life of the stream. A rebuilt stream has another epoch, and positions never compare across epochs. */
  readonly epoch: string;
  /** 1 for the first event of an epoch, then dense. */
  readonly seq: bigint;
  /** What the event is, e.g. `item/completed`. */
  readonly kind: string;
  /** Canonical JSON: the very text that was hashed. Read it with {@link payloadOf}. */
  readonly payload: CanonicalJson;
  readonly payload_hash: PayloadHash;
  /** Unique per stream: a second append with the same key and hash adds nothing. */
  readonly idempotency_key: string;
  /** Microseconds since the Unix epoch, by the clock of the host that committed it. */
  readonly committed_at: bigint;
}

/** An event on its way to a stream, before the host gives it a sequence. */
export type EventDraft = Pick<SyncEvent, 'stream_id' | 'kind' | 'payload' | 'payload_hash' | 'idempotency_key'>;

/** The place after an event: the last one that was applied. */
export interface StreamPosition {
  readonly epoch: string;
  /** 0 before the first event. */
  readonly seq: bigint;
}

/**
 * Builds a draft from a payload value.
 *
 * @throws {SyncError} `unrepresentable`, see {@link canonicalJson}.
 */
export function draftEvent(fields: {
  readonly stream_id: string;
  readonly kind: string;
  readonly payload: unknown;
  readonly idempotency_key: string;
}): EventDraft {
  const payload = canonicalJson(fields.payload);
  const { stream_id, kind, idempotency_key } = fields;
  return { stream_id, kind, payload, payload_hash: canonicalPayloadHash(payload), idempotency_key };
}

/** The payload as a value. */
export function payloadOf(event: Pick<SyncEvent, 'payload'>): JsonValue {
  return JSON.parse(event.payload) as JsonValue;
}

/** Whether the payload is the one that the hash was made of. */
export function hasTruePayloadHash(event: Pick<SyncEvent, 'payload' | 'payload_hash'>): boolean {
  return isHashOf(event.payload_hash, event.payload);
}
