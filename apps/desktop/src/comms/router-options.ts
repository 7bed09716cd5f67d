import type { LaneId, Ports, StreamPosition, SyncEvent } from '@autopilot/sync-contract';
import type { Log } from '../log.ts';
import type { AppliedView } from '../sync/applied-view.ts';
import type { SyncLane } from '../sync/sync-lane.ts';
import type { DampingLimits } from './damping.ts';

/**
 * Sees what both lanes bring while both are open: every event once per lane, in the order of that lane. It is told
 * where each lane begins and when one is down, so that what nobody could bring does not count as missing.
 */
export interface RouterObserver {
  /** The lane will bring the stream from the position after `after` on. */
  begins(lane: LaneId, streamId: string, after: StreamPosition | null): void;
  brought(lane: LaneId, events: readonly SyncEvent[]): void;
  /** The lane is down. */
  paused(lane: LaneId): void;
  /** The lane is up again and goes on after `after`. */
  resumed(lane: LaneId, streamId: string, after: StreamPosition | null): void;
  /** The lane says that the stream goes on in another epoch behind `to`. */
  moved(lane: LaneId, streamId: string, to: StreamPosition): void;
  ended(streamId: string): void;
  /** The lane cannot be read any further in the stream, which is compared no more. */
  abandoned(lane: LaneId, streamId: string): void;
}

/** How long what may take. Milliseconds. */
export interface RouterLimits extends DampingLimits {
  /** The next lane has so long to become live and to reach the position of the store. */
  readonly liveWithinMs: number;
  /** How often the next lane is looked at meanwhile. */
  readonly lookEveryMs: number;
  /** How long heads are not shown that are below what was applied: a lane that takes over may be a little behind. */
  readonly joinPatienceMs: number;
  /** A lane that was not live for so long is lost: it is left whatever is known to differ. */
  readonly lostAfterMs: number;
}

export const defaultLimits: RouterLimits = {
  liveWithinMs: 20_000,
  lookEveryMs: 50,
  joinPatienceMs: 30_000,
  lostAfterMs: 60_000,
  dwellMs: 5000,
  longestDwellMs: 120_000,
  windowMs: 600_000,
  retryMs: 5000,
  longestRetryMs: 120_000,
};

/** What a router is made of. */
export interface RouterOptions {
  readonly ports: Ports;
  readonly log: Log;
  /** How lanes are opened. Nothing of a lane exists, not even a name lookup, before its function is called. */
  readonly open: { readonly spacetime: () => SyncLane; readonly khala?: (() => SyncLane) | undefined };
  readonly applied: AppliedView;
  readonly observer?: RouterObserver | undefined;
  readonly limits?: Partial<RouterLimits> | undefined;
}
