import type { ChainHash } from '@autopilot/sync-contract';
import { noEpoch, type StreamState } from './stream-state.ts';

/** What a host says of the end of a stream. */
export interface Head {
  readonly epoch: string;
  readonly head: bigint;
  /** The host's chain at `head`, where it keeps one. */
  readonly head_chain?: ChainHash | undefined;
}

/**
 * How a state stands to the head of its stream. `equal` is the proof of parity: same epoch, same sequence, same chain.
 * `unproven` has the same sequence, but the host gave no chain. `ahead` means that the host lost events in its epoch.
 */
export type HeadComparison = 'equal' | 'unproven' | 'differs' | 'behind' | 'ahead' | 'other-epoch';

/** Compares a state with the head of its stream. A reader without a position is `behind`. */
export function compareHead(state: StreamState, head: Head): HeadComparison {
  if (state.epoch === noEpoch) return 'behind';
  if (head.epoch !== state.epoch) return 'other-epoch';
  if (state.seq < head.head) return 'behind';
  if (state.seq > head.head) return 'ahead';
  if (head.head_chain === undefined) return 'unproven';
  return head.head_chain === state.chain ? 'equal' : 'differs';
}
