import type { StaleReason } from './stale.ts';
import type { StreamPosition, SyncEvent } from './sync-event.ts';

/** The two lanes. The ids are fixed and never renamed into each other. */
export const laneIds = ['khala', 'spacetime'] as const;

/** `khala` is the lane to leave, `spacetime` the lane to come. */
export type LaneId = (typeof laneIds)[number];

/** The states every lane reports. */
export const laneStates = [
  'idle',
  'authenticating',
  'connecting',
  'subscribing',
  'replaying',
  'live',
  'draining',
  'backoff',
  'needs-auth',
  'failed',
  'closed',
] as const;

/** Where a lane is. `live` only when every followed stream is caught up with a head that the lane has seen. */
export type LaneState = (typeof laneStates)[number];

/** What a lane tells its owner. Signals of one stream arrive in order, and never after `close()` has resolved. */
export type LaneSignal =
  | {
      readonly type: 'state';
      readonly from: LaneState;
      readonly to: LaneState;
      /** A code of the lane's own closed union: why it went there. */
      readonly reason: string;
      /** For a person, without secrets. */
      readonly message?: string;
    }
  | {
      /** Events of one stream in rising sequence without a gap inside. */
      readonly type: 'batch';
      readonly stream_id: string;
      readonly events: readonly SyncEvent[];
      readonly source: 'replay' | 'live';
      /** The highest sequence known to exist when the batch was handed over. */
      readonly head: bigint;
    }
  | {
      /** The host was asked, or said by itself, how long the stream is. */
      readonly type: 'head';
      readonly stream_id: string;
      readonly epoch: string;
      readonly head: bigint;
      /** The host's own chain at `head`, where it keeps one. */
      readonly head_chain?: string;
    }
  | {
      /** The cursor cannot be served by replay: the owner resets to `floor` and calls `rewind`. */
      readonly type: 'stale';
      readonly stream_id: string;
      readonly reason: StaleReason | 'epoch_changed';
      readonly floor: StreamPosition;
      readonly floor_chain: string;
      readonly head: bigint;
    }
  | {
      /** The stream cannot be read, and trying again by itself would not help. */
      readonly type: 'stream-closed';
      readonly stream_id: string;
      readonly code: 'forbidden' | 'unknown_stream' | 'invalid_request';
      readonly message: string;
    }
  | {
      /** What may be lost: presence, typing, progress. Never checkpointed. */
      readonly type: 'transient';
      readonly stream_id: string;
      readonly kind: string;
      readonly payload: string;
      /** Identity of the sender as the host knows it, hex. */
      readonly sender: string;
    };

/** A way for events to come in. Both lanes feed the same apply path. */
export interface Lane {
  readonly id: LaneId;
  readonly state: LaneState;
  /** Starts connecting; a second call does nothing. */
  start(): void;
  /**
   * Reads a stream from the position after the last applied event; `null` reads from its first event. Where the first
   * events were removed, a `stale` signal gives the floor, since the chain cannot begin anywhere else.
   */
  follow(streamId: string, after: StreamPosition | null): void;
  /** Reads a followed stream again from another position: after a gap, a quarantine or a stale cursor. */
  rewind(streamId: string, after: StreamPosition | null): void;
  unfollow(streamId: string): void;
  /** Adds a listener; a listener that throws does not disturb the lane or the others. */
  listen(listener: (signal: LaneSignal) => void): () => void;
  /** Ends everything; resolves when nothing of the lane is left running. */
  close(): Promise<void>;
}
