/** A bound on one measure of an observation; inclusive on both sides. */
export interface MeasureBound {
  readonly measure: string;
  readonly at_least: number | null;
  readonly at_most: number | null;
}

/** What a receipt of a gate has to show. Durations are milliseconds. */
export interface GateRequirement {
  /** How old the end of the observation may be. */
  readonly max_age_ms: number;
  /** At least 1: a gate that looked at nothing has seen nothing. */
  readonly min_cases: number;
  readonly min_events: number;
  /** Least length of the observation. */
  readonly min_duration_ms: number;
  readonly measures: readonly MeasureBound[];
  /** Each of these packages needs a receipt that ran it, at the version in use. */
  readonly packages: readonly string[];
  /** Required only when this package is among those in use, otherwise not applicable; null for always. */
  readonly only_with: string | null;
  /** The receipt has to be of the commit in use. */
  readonly same_commit: boolean;
  /** The receipt has to be of the module schema in use. */
  readonly same_schema: boolean;
  /** The receipt has to name at least one negotiated protocol. */
  readonly needs_protocols: boolean;
  /** The observation has to end after stage or share last changed: what was seen before tells of other units. */
  readonly since_change: boolean;
  /** Whether an owner may waive it for a time. */
  readonly waivable: boolean;
}
