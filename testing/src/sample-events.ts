import {
  canonicalJson,
  canonicalPayloadHash,
  extendChain,
  genesisChain,
  type SyncEvent,
} from '@autopilot/sync-contract';

/** The stream of {@link sampleEvent}. */
export const sampleStreamId = 'runtime.run.42.events';
export const sampleEpoch = '0199aa00-0000-7000-8000-000000000001';

/** The event that a stream of samples has at a sequence; its hash is that of its payload, unless `changes` says other. */
export function sampleEvent(seq: number | bigint, changes: Partial<SyncEvent> = {}): SyncEvent {
  const payload = changes.payload ?? canonicalJson({ seq: Number(seq) });
  return {
    stream_id: sampleStreamId,
    epoch: sampleEpoch,
    seq: BigInt(seq),
    kind: 'item/completed',
    payload,
    payload_hash: canonicalPayloadHash(payload),
    idempotency_key: `key-${seq}`,
    committed_at: 1_700_000_000_000_000n + BigInt(seq),
    ...changes,
  };
}

/** The chain after some events of a stream, from its beginning or from `start`. */
export function chainOf(events: readonly SyncEvent[], start = genesisChain(sampleStreamId)): string {
  return events.reduce((chain, link) => extendChain(chain, link), start);
}
