import { type ChainLink, extendChain, genesisChain } from '@autopilot/sync-contract';
import type { StreamRow } from '../store/schema.ts';

/** How far control has written a stream. */
export type Progress = Pick<StreamRow, 'epoch' | 'last_seq' | 'chain'>;

/** A delivered event with the place that the database gave it. */
export interface PlacedEvent extends ChainLink {
  readonly stream_id: string;
  readonly epoch: string;
}

/**
 * The progress of a stream after one more receipt. The chain is known only while control has seen every sequence of
 * the epoch from 1; from the first one it has missed, written by somebody else, it stays null for that epoch.
 */
export function advanceProgress(before: Progress, event: PlacedEvent): Progress {
  const same = before.epoch === event.epoch && before.last_seq !== null;
  const last = same ? BigInt(before.last_seq ?? 0) : 0n;
  // A duplicate of something further back.
  if (event.seq <= last) return before;
  const previous = same ? before.chain : genesisChain(event.stream_id);
  const chain = previous !== null && event.seq === last + 1n ? extendChain(previous, event) : null;
  return { epoch: event.epoch, last_seq: event.seq.toString(), chain };
}
