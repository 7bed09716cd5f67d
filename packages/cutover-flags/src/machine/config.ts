import type { GateId } from '../gates/gate.ts';
import type { GateRequirement, MeasureBound } from '../gates/requirement.ts';

/** Names the form of a configuration. */
export const configSchema = 'autopilot.cutover-config.v1';

/** Requirements beside the gates. */
export const conditionIds = [
  'target',
  'binding',
  'reverse-path',
  'soak',
  'service',
  'sample-ratio',
  'release-cycles',
  'no-fallback',
  'no-emergency',
  'no-waiver',
] as const;

/** The name of a condition. */
export type ConditionId = (typeof conditionIds)[number];

/** A gate that a step asks for, with bounds of its own beside those of the gate. */
export interface GateEntry {
  readonly gate: GateId;
  readonly measures: readonly MeasureBound[];
}

/** What a step forward asks for. Order, cooldown and holds are asked for always. */
export interface StepRequirements {
  readonly gates: readonly GateEntry[];
  readonly conditions: readonly ConditionId[];
}

/** The steps that have requirements: into a stage, a larger cohort, and the seal. */
export const stepIds = ['enter_1', 'enter_2', 'enter_3', 'cohort', 'seal'] as const;

/** The name of a step. */
export type StepId = (typeof stepIds)[number];

/** What a trigger does. */
export type TriggerAction = 'none' | 'alert' | 'hold' | 'rollback-cohort' | 'rollback-stage';

/** One clause of a trigger: all clauses have to hold. */
export interface TriggerClause {
  readonly signal: string;
  /** Bad when the value is above (or below) this. */
  readonly above: number | null;
  readonly below: number | null;
  /** Good again only when the value is at or below (at or above) this: the hysteresis. */
  readonly clear: number;
}

/** Watches signals and acts by itself. Durations are milliseconds. */
export interface Trigger {
  readonly id: string;
  readonly text: string;
  readonly clauses: readonly TriggerClause[];
  /** Least value of a signal that counts what was looked at; below it nothing is known. Null for none. */
  readonly samples: { readonly signal: string; readonly at_least: number } | null;
  /** How long the condition has to hold before the trigger acts. */
  readonly for_ms: number;
  readonly stage_1: TriggerAction;
  readonly stage_2: TriggerAction;
}

/** Everything that can be set about a cutover. Durations are milliseconds. */
export interface CutoverConfig {
  readonly schema: typeof configSchema;
  /** Approvals by others than the requester. */
  readonly approvals: number;
  /** A request that was not carried out by then is over. */
  readonly request_ttl_ms: number;
  readonly gates: Readonly<Record<GateId, GateRequirement>>;
  readonly steps: Readonly<Record<StepId, StepRequirements>>;
  readonly cohort: {
    /** Shares in percent, rising, the last is 100. */
    readonly steps: readonly number[];
    readonly soak_ms: number;
  };
  readonly service: {
    readonly p95_ms: number;
    readonly error_budget: number;
    readonly min_samples: number;
    readonly max_age_ms: number;
  };
  readonly sample_ratio: {
    /** A chance below it holds. */
    readonly p: number;
    /** With fewer units than this the test cannot say anything, and is not asked for. */
    readonly from_units: number;
  };
  readonly flip: {
    readonly ack_timeout_ms: number;
    /** Share of the expected units that have to acknowledge, above 0 to 1. */
    readonly ack_ratio: number;
  };
  readonly cooldown: { readonly after_flip_ms: number; readonly after_rollback_ms: number };
  readonly release: { readonly cycles: number; readonly min_cycle_ms: number };
  readonly waivers: { readonly max_ms: number };
  readonly emergency: { readonly max_ms: number };
  readonly triggers: readonly Trigger[];
  /** How long a trigger's signals have to be good before it is clear. */
  readonly trigger_clear_ms: number;
  /** Share of the events that each stage compares with the other lane, 0 to 1; Stage 3 has no other lane. */
  readonly shadow_sample: { readonly stage_0: number; readonly stage_1: number; readonly stage_2: number };
}
