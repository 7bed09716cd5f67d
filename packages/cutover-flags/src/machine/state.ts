import type { PayloadHash } from '@autopilot/sync-contract';
import type { AuditEntry } from '../audit/record.ts';
import type { CohortPolicy, EmergencyFallback } from '../policy/policy.ts';
import type { Stage } from '../stage.ts';
import type { Waiver } from '../waivers/waiver.ts';

/** Names the form of a stored state. */
export const stateSchema = 'autopilot.cutover-state.v1';

/** Every status of the machine. */
export const cutoverStatuses = ['idle', 'requested', 'approved', 'flipping', 'sealed'] as const;

/**
 * `idle`: nothing is under way. `requested`: a flip waits for approvals. `approved`: it has enough of them. `flipping`:
 * the policy of the new stage is published and clients are to acknowledge it. `sealed`: Stage 3 for good.
 */
export type CutoverStatus = (typeof cutoverStatuses)[number];

/** What a request leads to: a stage, or the seal on Stage 3. */
export type FlipTarget = Stage | 'sealed';

/** One approval. It counts only while the plan has the digest that was approved. */
export interface Approval {
  readonly by: string;
  readonly at: number;
  readonly plan_digest: PayloadHash;
  readonly reason: string;
}

/** A flip under way. Everything that is needed to go on after a crash. Times are milliseconds since the Unix epoch. */
export interface Flip {
  readonly id: string;
  readonly from: Stage;
  readonly to: FlipTarget;
  readonly requester: string;
  readonly reason: string;
  readonly requested_at: number;
  readonly plan_digest: PayloadHash;
  /** Digests of the receipts that the plan rests on. */
  readonly evidence: readonly PayloadHash[];
  readonly approvals: readonly Approval[];
  /** Set when the policy is published: what clients have to acknowledge, until when, and what an undo restores. */
  readonly publication: FlipPublication | null;
}

/** The part of a flip that begins when its policy is published. */
export interface FlipPublication {
  readonly at: number;
  readonly deadline: number;
  /** Clients acknowledge this policy revision or a later one. */
  readonly policy_revision: number;
  /** The cohort before the flip. */
  readonly previous_percent: number;
  /** As last told by `acknowledge`; null until then. */
  readonly expected: number | null;
  readonly acknowledged: number | null;
}

/** How the last flip ended. */
export interface FlipOutcome {
  readonly id: string;
  readonly from: Stage;
  readonly to: FlipTarget;
  readonly outcome: 'done' | 'undone' | 'withdrawn' | 'expired' | 'rolled_back' | 'forced';
  readonly at: number;
  readonly reason: string;
}

/** What a trigger remembers between observations. */
export interface TriggerState {
  /** Since when its condition holds without a break; null when it does not. */
  readonly bad_since: number | null;
  /** Since when its value is on the good side of `clear`; null when it is not. */
  readonly good_since: number | null;
  /** Whether it has acted since it was last clear: it acts once. */
  readonly fired: boolean;
}

/** Something that keeps the cutover from going forward. */
export interface Hold {
  readonly trigger: string;
  readonly since: number;
  readonly reason: string;
  /** An operator has to release it; otherwise it ends when the trigger is clear for long enough. */
  readonly needs_release: boolean;
}

/** Releases that passed in Stage 2 without a fallback. */
export interface ReleaseCycles {
  readonly at_zero: number;
  /** Names of the releases that were counted, the last of them only. */
  readonly releases: readonly string[];
  /** When the cycle that is under way began. */
  readonly since: number;
}

/** The answer that was given for an idempotency key. */
export interface RememberedAnswer {
  readonly key: string;
  /** Over actor and command. */
  readonly digest: PayloadHash;
  readonly revision: number;
  readonly events: readonly CutoverEvent[];
}

/** What a transition did: an audit entry as it is to be appended. */
export interface CutoverEvent extends AuditEntry {
  readonly event: CutoverEventName;
  /** A person should hear of it at once. */
  readonly loud: boolean;
}

/** Every event that a transition may tell. */
export const cutoverEventNames = [
  'flip_requested',
  'flip_approved',
  'flip_ready',
  'approvals_voided',
  'flip_withdrawn',
  'flip_expired',
  'flip_started',
  'flip_done',
  'flip_undone',
  'flip_forced',
  'rolled_back',
  'rolled_back_by_trigger',
  'cohort_changed',
  'cohort_rolled_back',
  'fallback_started',
  'fallback_ended',
  'fallback_expired',
  'waiver_added',
  'waiver_ended',
  'emergency_cleared',
  'hold_placed',
  'hold_released',
  'trigger_alert',
  'release_counted',
  'release_reset',
  'sealed',
] as const;

/** The name of an event. */
export type CutoverEventName = (typeof cutoverEventNames)[number];

/** The whole state of a cutover: plain JSON. Times are milliseconds since the Unix epoch. */
export interface CutoverState {
  readonly schema: typeof stateSchema;
  readonly deployment: string;
  /** Rises by one with every change. A command names the one it was made for. */
  readonly revision: number;
  /** The revision at which what clients see last changed: the `revision` of the policy document. */
  readonly policy_revision: number;
  readonly policy_changed_at: number;
  readonly status: CutoverStatus;
  /** The stage that is published. While flipping it is the new one. */
  readonly stage: Stage;
  /** When the stage was entered. */
  readonly stage_since: number;
  readonly cohort: CohortPolicy;
  /** When the percentage last changed: the soak counts from here. */
  readonly cohort_since: number;
  /** Units change lanes at once when they see the present policy. */
  readonly drain: boolean;
  /** Share of the events that is compared with the other lane: that of the configuration when the stage was entered. */
  readonly shadow_sample: number;
  readonly flip: Flip | null;
  readonly last_flip: FlipOutcome | null;
  /** No step forward before this time. */
  readonly cooldown_until: number;
  readonly fallback: EmergencyFallback | null;
  readonly waivers: readonly Waiver[];
  readonly holds: readonly Hold[];
  readonly triggers: Readonly<Record<string, TriggerState>>;
  readonly release_cycles: ReleaseCycles;
  /** The last answers, oldest first. */
  readonly answers: readonly RememberedAnswer[];
}
