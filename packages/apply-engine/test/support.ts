import { canonicalJson, type PayloadHash, type SyncEvent } from '@autopilot/sync-contract';
import { chainOf, sampleEpoch, sampleEvent, sampleStreamId } from '@autopilot/testing/sample-events';
import type { AppliedLookup, StreamState } from '../src/index.ts';

export { chainOf, sampleEpoch as epoch, sampleEvent as event, sampleStreamId as streamId };
export const otherEpoch = '0199aa00-0000-7000-8000-000000000002';

/** Another truthful event at the same sequence. */
export function rival(seq: number | bigint): SyncEvent {
  return sampleEvent(seq, { payload: canonicalJson({ rival: Number(seq) }) });
}

/** The event with a payload that its hash was not made of. */
export function damaged(seq: number | bigint): SyncEvent {
  return { ...sampleEvent(seq), payload: canonicalJson({ damaged: Number(seq) }) };
}

export function log(length: number): readonly SyncEvent[] {
  return Array.from({ length }, (_, index) => sampleEvent(index + 1));
}

export function stateAt(seq: number): StreamState {
  return { stream_id: sampleStreamId, epoch: sampleEpoch, seq: BigInt(seq), chain: chainOf(log(seq)) };
}

/** A lookup over events that were applied. */
export function lookupOf(events: readonly SyncEvent[]): AppliedLookup & { seqOf(key: string): bigint | undefined } {
  const hashes = new Map<bigint, PayloadHash>(events.map((applied) => [applied.seq, applied.payload_hash]));
  const keys = new Map(events.map((applied) => [applied.idempotency_key, applied.seq]));
  return { hashAt: (seq) => hashes.get(seq), seqOf: (key) => keys.get(key) };
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
