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

/** `rising`: as a host with rising ids makes them. `random`: as random ids are, each anywhere among the others. */
export const keyShapes = ['rising', 'random'] as const;
export type KeyShape = (typeof keyShapes)[number];

/** Events of one stream as an agent makes them. @param text UTF-16 units of text in each payload. */
export function* chainedEvents(
  count: number,
  {
    text = 200,
    first = 1,
    keys = 'rising',
  }: { readonly text?: number; readonly first?: number; readonly keys?: KeyShape } = {},
): Generator<ChainedEvent> {
  const filler = 'x'.repeat(text);
  let chain = genesisChain(streamId);
  for (let n = first; n < first + count; n += 1) {
    const payload = canonicalJson({ item: { id: `item_${n}`, text: filler, type: 'agentMessage' } });
    const link = {
      seq: BigInt(n),
      kind: 'item/completed',
      payload_hash: canonicalPayloadHash(payload),
      idempotency_key: keys === 'rising' ? `run-42:${`${n}`.padStart(12, '0')}` : genesisChain(`${n}`).slice(0, 32),
    };
    chain = extendChain(chain, link);
    yield { stream_id: streamId, epoch, payload, committed_at: 1_700_000_000_000_000n + BigInt(n), chain, ...link };
  }
}
