import type { PayloadHash, SyncEvent } from '@autopilot/sync-contract';
import type { ConflictReason } from './decision-table.ts';

/** An event that must be quarantined, and what it disagrees with. */
export interface Conflict {
  /** The stream whose state met the event. */
  readonly stream_id: string;
  readonly reason: ConflictReason;
  readonly event: SyncEvent;
  readonly known_hash: PayloadHash | undefined;
}
