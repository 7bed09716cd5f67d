import type { Lane } from '@autopilot/sync-contract';
import type { LaneFacts } from '../view-model/view-model.ts';
import type { Ack } from './ack-queue.ts';
import type { AppliedView } from './applied-view.ts';
import type { GrantedToken } from './token-provider.ts';

/** A lane with what the desktop needs beyond the contract. */
export interface SyncLane extends Lane {
  /** Asked for every snapshot: plain reading, no waiting. */
  facts(): LaneFacts;
  /** Rejects with a coded error. */
  acknowledge(ack: Ack): Promise<void>;
  /** The stream cannot be gone on with and will be left at once: for a lane that compares. */
  gaveUp?(streamId: string): void;
  /** Tells every stream that is granted, each time that changes. */
  onGranted(listener: (streamIds: readonly string[]) => void): () => void;
}

/** Makes the lane; it asks for tokens through the given function, and for nothing before `start()`. */
export type SyncLaneFactory = (token: (signal: AbortSignal) => Promise<GrantedToken>, applied: AppliedView) => SyncLane;
