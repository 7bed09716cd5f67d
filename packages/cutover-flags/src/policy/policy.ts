import type { Stage } from '../stage.ts';

/** Names the form of a policy document. A document of any other form is refused. */
export const policySchema = 'autopilot.cutover-policy.v1';

/** One unit that is set by hand, until a time. */
export interface CohortEntry {
  readonly unit: string;
  /** Milliseconds since the Unix epoch. */
  readonly until: number;
  readonly reason: string;
}

/** Which units are on spacetime in Stage 1. */
export interface CohortPolicy {
  /** Fixed for the life of a rollout: the bucket of a unit is a hash of salt and unit id. */
  readonly salt: string;
  /** Share of all units, 0 to 100 in steps of 0.01. */
  readonly percent: number;
  /** The most units that the share may bring in; null for no bound. Units are admitted first come, first served. */
  readonly cap: number | null;
  /** Units on spacetime whatever their bucket. */
  readonly include: readonly CohortEntry[];
  /** Units on khala whatever their bucket or flag. Wins over `include`. */
  readonly exclude: readonly CohortEntry[];
}

/** The emergency of Stage 2: khala for some or all units, for a time. */
export interface EmergencyFallback {
  readonly incident: string;
  readonly operator: string;
  readonly reason: string;
  readonly since: number;
  readonly expires_at: number;
  readonly units: 'all' | readonly string[];
}

/** What control decided, as every unit gets it: one signed document. Times are milliseconds since the Unix epoch. */
export interface CutoverPolicy {
  readonly schema: typeof policySchema;
  /** Which installation this is for; a policy of another one is refused. */
  readonly deployment: string;
  /** Rises with every change. A unit never goes back to a lower one. */
  readonly revision: number;
  readonly stage: Stage;
  /** Stage 3 can no longer be left. */
  readonly sealed: boolean;
  readonly issued_at: number;
  readonly cohort: CohortPolicy;
  readonly fallback: EmergencyFallback | null;
  /** Units change lanes at once; otherwise a session keeps the lane it began with. */
  readonly drain: boolean;
  /** Share of the events that are compared with the other lane, 0 to 1. */
  readonly shadow_sample: number;
}
