import {
  canonicalJson,
  canonicalPayloadHash,
  extendChain,
  genesisChain,
  type PayloadHash,
  type SyncEvent,
} from '@autopilot/sync-contract';
import type { AppliedLookup, StreamState } from '../src/index.ts';

export const streamId = 'runtime.run.42.events';
export const epoch = '0199aa00-0000-7000-8000-000000000001';
export const otherEpoch = '0199aa00-0000-7000-8000-000000000002';

export function event(seq: number | bigint, changes: Partial<SyncEvent> = {}): SyncEvent {
  const payload = changes.payload ?? canonicalJson({ seq: Number(seq) });
  return {
    stream_id: streamId,
    epoch,
    seq: BigInt(seq),
    kind: 'item/completed',
    payload,
    payload_hash: canonicalPayloadHash(payload),
    idempotency_key: `key-${seq}`,
    committed_at: 1_700_000_000_000_000n + BigInt(seq),
    ...changes,
  };
}

/** Another truthful event at the same sequence. */
export function rival(seq: number | bigint): SyncEvent {
  return event(seq, { payload: canonicalJson({ rival: Number(seq) }) });
}

/** The event with a payload that its hash was not made of. */
export function damaged(seq: number | bigint): SyncEvent {
  return { ...event(seq), payload: canonicalJson({ damaged: Number(seq) }) };
}

export function log(length: number): readonly SyncEvent[] {
  return Array.from({ length }, (_, index) => event(index + 1));
}

export function chainOf(events: readonly SyncEvent[], start = genesisChain(streamId)): string {
  return events.reduce((chain, link) => extendChain(chain, link), start);
}

export function stateAt(seq: number): StreamState {
  return { stream_id: streamId, epoch, seq: BigInt(seq), chain: chainOf(log(seq)) };
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
