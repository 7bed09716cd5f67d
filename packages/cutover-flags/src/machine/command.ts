import type { GateId } from '../gates/gate.ts';
import type { CohortEntry } from '../policy/policy.ts';
import type { Stage } from '../stage.ts';
import type { CutoverConfig } from './config.ts';
import type { Evidence } from './evidence.ts';
import type { FlipTarget } from './state.ts';

/** What every command carries. */
export interface CommandHeader {
  /** The revision of the state that it was made for: another one refuses it. */
  readonly revision: number;
  /** Names this very command: sent again, it is answered as before and done once. Null only from control itself. */
  readonly idempotency_key: string | null;
  readonly reason: string;
}

/** Where a rollback leads: an earlier stage, a lower share, or some units back to khala until a time. */
export type RollbackTarget =
  | { readonly kind: 'stage'; readonly stage: Stage; readonly percent: number | null }
  | { readonly kind: 'cohort'; readonly percent: number }
  | { readonly kind: 'units'; readonly units: readonly string[]; readonly until: number };

/** What `set_cohort` changes; null leaves a member as it is. A higher percentage is a step of the configuration. */
export interface CohortChange {
  readonly percent: number | null;
  readonly cap: number | 'none' | null;
  readonly include: readonly CohortEntry[] | null;
  readonly exclude: readonly CohortEntry[] | null;
}

/** What each command carries beside the header. */
export interface CommandBodies {
  /** Asks for a flip. `id` names it from then on. */
  readonly propose: { readonly id: string; readonly to: FlipTarget };
  /** Approves the plan with this digest. */
  readonly approve: { readonly id: string; readonly plan_digest: string };
  readonly withdraw: { readonly id: string };
  /** Publishes the policy of the approved flip. */
  readonly advance: { readonly id: string; readonly drain: boolean };
  /** How many units are to see the published policy, and how many have said that they do. */
  readonly acknowledge: { readonly expected: number; readonly acknowledged: number };
  /** The time of the flip, or of something else that expires, is up. Refused when nothing is due. */
  readonly timeout: Record<never, never>;
  readonly rollback: { readonly target: RollbackTarget; readonly drain: boolean };
  readonly set_cohort: { readonly change: CohortChange; readonly drain: boolean };
  readonly fallback_start: {
    readonly incident: string;
    readonly operator: string;
    readonly expires_at: number;
    readonly units: 'all' | readonly string[];
  };
  readonly fallback_end: Record<never, never>;
  readonly waive: {
    readonly id: string;
    readonly gate: GateId;
    readonly owner: string;
    readonly expires_at: number;
  };
  readonly waive_end: { readonly id: string };
  /** One step forward without plan and approvals; never to 3. */
  readonly emergency_force: {
    readonly id: string;
    readonly to: Stage;
    readonly incident: string;
    readonly operator: string;
    readonly expires_at: number;
    readonly drain: boolean;
  };
  /** Somebody else than its owner has looked at what an emergency skipped. `id` is that of its waiver. */
  readonly emergency_clear: { readonly id: string };
  /** What is measured now, for the triggers. Null or missing: not known, which is never good. */
  readonly observe: { readonly signals: Readonly<Record<string, number | null>> };
  readonly release_hold: { readonly trigger: string };
  /** A release has been in use since the last one. Counts when no fallback was used meanwhile (see Evidence.facts). */
  readonly release_cycle: { readonly release: string };
  /** Ends reversibility. Needs an approved request to `sealed`. */
  readonly seal: { readonly id: string };
}

/** The name of a command. */
export type CommandType = keyof CommandBodies;

/** One command of one type. */
export type CommandOf<T extends CommandType> = T extends CommandType
  ? CommandHeader & { readonly type: T } & CommandBodies[T]
  : never;

/** Any command. */
export type CutoverCommand = CommandOf<CommandType>;

/** Who commands, when, and on which facts. Authorization is the caller's. */
export interface TransitionContext {
  /** Authenticated name: approvals are told apart by it. */
  readonly actor: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly config: CutoverConfig;
  readonly evidence: Evidence;
}
