import { extendChain, genesisChain, type SyncEvent } from '@autopilot/sync-contract';
import { chainOf } from '@autopilot/testing/sample-events';
import type { CheckpointStore, StreamChange } from '../../src/index.ts';
import { event, streamId } from '../support.ts';

/** How long the stream of a gate is. */
export const length = 1500;
const theLog: readonly SyncEvent[] = Array.from({ length }, (_, index) => event(index + 1));
const chains = [genesisChain(streamId)];
for (const link of theLog) chains.push(extendChain(chains.at(-1) ?? genesisChain(streamId), link));

/** The chain over the first events, folded without a store. */
export function chainAt(seq: number): string {
  const chain = chains[seq];
  if (chain === undefined) throw new Error(`The log has no event ${seq}.`);
  return chain;
}

/** The change that brings a store on by `count` events of the log, from what it says it has. */
export function nextPart(store: CheckpointStore, count: number): StreamChange | undefined {
  const stored = store.load(streamId);
  const from = Number(stored?.seq ?? 0n);
  const to = Math.min(length, from + count);
  if (to === from) return undefined;
  const events = theLog.slice(from, to);
  const chain = chainOf(events, stored?.chain);
  const effects = events.map(({ seq }) => ({ kind: 'shown', body: `${seq}` }));
  const { epoch } = event(1);
  return { stream_id: streamId, epoch, expected_seq: BigInt(from), events, seq: BigInt(to), chain, effects };
}
