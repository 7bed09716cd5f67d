import {
  canonicalJson,
  canonicalPayloadHash,
  extendChain,
  genesisChain,
  type SyncEvent,
} from '@autopilot/sync-contract';

export const streamId = 'runtime.bench.1';
export const epoch = 'epoch-1';

/** An event with the chain that the host keeps at it. */
export interface ChainedEvent extends SyncEvent {
  readonly chain: string;
}

/** Events of one stream as an agent makes them. @param text UTF-16 units of text in each payload. */
export function* chainedEvents(
  count: number,
  { text = 200, first = 1 }: { readonly text?: number; readonly first?: number } = {},
): Generator<ChainedEvent> {
  const filler = 'x'.repeat(text);
  let chain = genesisChain(streamId);
  for (let n = first; n < first + count; n += 1) {
    const payload = canonicalJson({ item: { id: `item_${n}`, text: filler, type: 'agentMessage' } });
    const link = {
      seq: BigInt(n),
      kind: 'item/completed',
      payload_hash: canonicalPayloadHash(payload),
      // As a host with rising ids makes them.
      idempotency_key: `run-42:${`${n}`.padStart(12, '0')}`,
    };
    chain = extendChain(chain, link);
    yield { stream_id: streamId, epoch, payload, committed_at: 1_700_000_000_000_000n + BigInt(n), chain, ...link };
  }
}
