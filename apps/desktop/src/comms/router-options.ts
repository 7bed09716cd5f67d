import type { LaneId, LaneState, PayloadHash, Ports, StreamPosition, SyncEvent } from '@autopilot/sync-contract';
import type { Log } from '../log.ts';
import type { SyncLane } from '../sync/sync-lane.ts';
import type { DampingLimits } from './damping.ts';
import type { RouterPhase } from './router-machine.ts';

/** What the router may ask of the store: plain reading. */
export interface AppliedView {
  /** The position after the last applied event; null before the first. */
  position(streamId: string): StreamPosition | null;
  /** The hash of an applied event; undefined when it is not known any more. */
  hashAt(streamId: string, epoch: string, seq: bigint): PayloadHash | undefined;
}

/** Sees every event that a lane brings for the first time while both lanes are open, in the order of that lane. */
export interface RouterObserver {
  brought(lane: LaneId, events: readonly SyncEvent[]): void;
  /** A lane was closed: what is still waiting for its other side will not be answered. */
  closed(): void;
}

/** How long what may take. Milliseconds. */
export interface RouterLimits extends DampingLimits {
  /** The next lane has so long to become live and to reach the position of the store. */
  readonly liveWithinMs: number;
  /** How often the next lane is looked at meanwhile. */
  readonly lookEveryMs: number;
  /** How long heads are not shown that are below what was applied: a lane that takes over may be a little behind. */
  readonly joinPatienceMs: number;
}

export const defaultLimits: RouterLimits = {
  liveWithinMs: 20_000,
  lookEveryMs: 50,
  joinPatienceMs: 30_000,
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

/** One attempt to change lanes. */
export interface Handover {
  /** When it ended, milliseconds since the Unix epoch. */
  readonly at: number;
  readonly from: LaneId;
  readonly to: LaneId;
  readonly rule: string;
  readonly outcome: 'done' | 'failed' | 'abandoned';
  /** From the start of the preparation to its end, milliseconds. */
  readonly took_ms: number;
  /** Why it failed or was abandoned; null when it was done. */
  readonly reason: string | null;
}

/** What one lane is to this desktop now. `next`: it is being made live to take over. */
export interface LaneStanding {
  readonly id: LaneId;
  readonly role: 'active' | 'next' | 'shadow' | 'off';
  /** Null while it is off. */
  readonly state: LaneState | null;
  /** Events known to exist on either lane that this one has not brought; null when not known. */
  readonly lag_events: bigint | null;
}

/** Everything there is to know of the router at one moment. */
export interface RouterStatus {
  readonly phase: RouterPhase;
  /** Null before the start. */
  readonly active: LaneId | null;
  readonly lanes: readonly LaneStanding[];
  /** Milliseconds until a damped or failed handover is tried again; null when none waits. */
  readonly waiting_ms: number | null;
  readonly done: number;
  readonly failed: number;
  /** Events that the lane before brought after the switch. They were not applied. */
  readonly dropped_events: number;
  /** Events that the next lane brought again up to the position of the store. They were not applied. */
  readonly overlap_events: number;
  /** Writes to spacetime that were refused before the wire. */
  readonly refused_writes: number;
  /** Events of the machine that cannot happen in the state they came in; never anything but 0. */
  readonly illegal_steps: number;
  /** Newest last, bounded. */
  readonly handovers: readonly Handover[];
  /** The decided lane is not in this build, so the other one is read. */
  readonly missing_lane: LaneId | null;
}
