import type { LaneId, LaneState } from '@autopilot/sync-contract';
import type { LaneDifference } from './lane-difference.ts';
import type { RouterPhase } from './router-machine.ts';

/** Why a handover goes on although the next lane is known to differ. */
export type Insistence = 'emergency' | 'rollback' | 'khala removed' | 'lane lost';

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
  /** Why it failed or was abandoned, or in spite of what it was done; null when it was done as it should be. */
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
  /** What the next lane is known to hold otherwise than it was applied, so that it does not take over; null for nothing. */
  readonly held_by: LaneDifference | null;
  /** What the present lane took over in spite of, and who insisted; null when it took over as it should. */
  readonly forced: { readonly why: Insistence; readonly differences: readonly LaneDifference[] } | null;
}
