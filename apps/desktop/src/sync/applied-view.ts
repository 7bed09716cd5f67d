import type { CheckpointStore } from '@autopilot/checkpoint';
import type { ChainHash, PayloadHash, StreamPosition } from '@autopilot/sync-contract';

/** What of the store a lane may ask: plain reading of what was applied. */
export interface AppliedView {
  /** The position after the last applied event; null before the first. */
  position(streamId: string): StreamPosition | null;
  /** The chain at the position; null before the first event. */
  chain(streamId: string): ChainHash | null;
  /** The hash of an applied event; undefined when it is not known any more. */
  hashAt(streamId: string, epoch: string, seq: bigint): PayloadHash | undefined;
}

/** The view of the store of the moment: it is another one after a token of another database. */
export function appliedViewOf(store: () => Pick<CheckpointStore, 'load' | 'hashAt'>): AppliedView {
  return {
    position: (streamId) => {
      const stored = store().load(streamId);
      return stored === undefined ? null : { epoch: stored.epoch, seq: stored.seq };
    },
    chain: (streamId) => store().load(streamId)?.chain ?? null,
    hashAt: (streamId, epoch, seq) => store().hashAt(streamId, epoch, seq),
  };
}
