import type { LaneId, LaneState } from '@autopilot/sync-contract';
import type { LastAnswer } from '../comms/policy-answer.ts';
import type { RouterStatus } from '../comms/router-status.ts';

// The page is compiled with these types, so they lean on nothing that needs Node.

/** Which lane this desktop is on, by which rule, and what is known of the other one. Times as in `DesktopState`. */
export interface CommsState {
  /** The stable id of this desktop in a rollout. */
  readonly unit: string;
  /** Null without a policy. */
  readonly stage: 0 | 1 | 2 | 3 | null;
  readonly stage_name: string | null;
  readonly policy: {
    readonly revision: number;
    readonly issued_at: number;
    readonly sealed: boolean;
    readonly drain: boolean;
  } | null;
  /** How the last question for the policy ended, when, and what was wrong. */
  readonly policy_answer: LastAnswer;
  readonly decision: {
    readonly lane: LaneId;
    readonly writes: LaneId;
    readonly shadow: LaneId | null;
    readonly rule: string;
    readonly reason: string;
    readonly warning: string | null;
    readonly expires_at: number | null;
  };
  readonly router: RouterStatus;
  /** Null while nothing is compared. */
  readonly parity: {
    readonly pair: string;
    readonly from: number;
    readonly counts: ParityCounts;
    /** Positions that wait for the other lane. */
    readonly pending: number;
    readonly unequal_chains: number;
  } | null;
  /** One lane read twice and compared with itself; null when this was not asked for. */
  readonly null_run: {
    readonly lane: LaneId;
    readonly pair: string;
    /** False while the lane is not open; then no second reader is either, and `reason` says why. */
    readonly running: boolean;
    readonly reason: string | null;
    /** Of the second reader. */
    readonly second: LaneState | null;
    readonly from: number;
    readonly counts: ParityCounts;
    readonly pending: number;
    readonly unequal_chains: number;
    /** Windows that control has taken, and what was wrong with the last try. */
    readonly told: number;
    readonly error: string | null;
  } | null;
  /** The emergency that this desktop is in; null when it is in none. */
  readonly fallback: {
    readonly incident: string;
    readonly operator: string;
    readonly reason: string;
    readonly expires_at: number;
  } | null;
  readonly heartbeat: {
    readonly sent: number;
    readonly failed: number;
    readonly at: number | null;
    readonly error: string | null;
  };
}

/** How many positions came to what; see `ComparisonResult` of cutover-flags. */
export interface ParityCounts {
  readonly match: number;
  readonly mismatch: number;
  readonly missing_left: number;
  readonly missing_right: number;
  readonly extra: number;
  readonly reordered: number;
  readonly late: number;
  readonly ignored: number;
}
