import type { JsonObject, PayloadHash } from '@autopilot/sync-contract';
import type { AuditPlace } from '../audit/record.ts';
import type { FlipTarget } from './state.ts';

/** What a plan is for: a stage, the seal, or a share of the units in Stage 1. */
export type PlanTarget = FlipTarget | { readonly percent: number };

/** Every status of a requirement. */
export const requirementStatuses = [
  'met',
  'missing',
  'stale',
  'failed',
  'inconclusive',
  'waived',
  'not-applicable',
] as const;

/** Only `met`, `waived` and `not-applicable` let a plan be ready. */
export type RequirementStatus = (typeof requirementStatuses)[number];

/** One thing that a flip needs. */
export interface PlanRequirement {
  /** E.g. `gate:parity`, `gate:replay-determinism:@autopilot/checkpoint`, `target`, `soak`. */
  readonly id: string;
  readonly text: string;
  readonly status: RequirementStatus;
  /** What was seen, for a person. */
  readonly seen: string;
  /** Age of what was seen; null where there is none. */
  readonly age_ms: number | null;
  /** What to do; empty when nothing is. */
  readonly next: string;
  /** The values of the configuration that were used. */
  readonly wanted: JsonObject;
  /** Digests of the receipts that decided. */
  readonly evidence: readonly PayloadHash[];
  /** The waiver that stands in; null for none. */
  readonly waiver: string | null;
}

/** One thing that a flip does. */
export interface PlanEffect {
  readonly id: string;
  readonly text: string;
  readonly data: JsonObject;
}

/** A dry run: what would happen, what it needs, and what is missing. */
export interface Plan {
  readonly schema: 'autopilot.cutover-plan.v1';
  readonly deployment: string;
  readonly from: AuditPlace;
  readonly to: PlanTarget;
  readonly direction: 'forward' | 'back' | 'none';
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly effects: readonly PlanEffect[];
  readonly requirements: readonly PlanRequirement[];
  readonly ready: boolean;
  readonly next_steps: readonly string[];
  /** How many approvals by others than the requester it needs. */
  readonly approvals_needed: number;
  /** Every other value of the configuration that the flip uses: times, shares, cooldowns. */
  readonly values: JsonObject;
  /** Packages, commit and module schema it is for. */
  readonly environment: JsonObject;
  readonly config_digest: PayloadHash;
  /**
   * Over everything but `at`, `seen`, `age_ms` and `next`, which change as time goes by: two plans have the same digest
   * when they do the same for the same reasons on the same receipts.
   */
  readonly digest: PayloadHash;
}
