import type { LaneId } from '@autopilot/sync-contract';
import type { CutoverPolicy } from '../policy/policy.ts';
import type { RuleId } from './rules.ts';

/** One thing that is on one lane: a desktop. */
export interface Unit {
  readonly id: string;
  /** `bucketOf(salt, id)`, 0 to 9999: computed once, so that a decision costs no hash. */
  readonly bucket: number;
  /** Whether control has admitted the unit under the cap; of no importance where there is none. */
  readonly admitted: boolean;
}

/** What a decision sees of the place it is made in. */
export interface DecisionEnv {
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** The value of OA_SPACETIME_PRIMARY_COMMS; undefined when it is not set. */
  readonly flag: string | undefined;
  /** Whether this build holds the khala lane and knows where khala is. */
  readonly khala: boolean;
}

/** Where a unit reads and writes, and why. */
export interface Decision {
  /** The lane whose events are shown. */
  readonly lane: LaneId;
  /** The lane that takes what the unit itself writes. */
  readonly writes: LaneId;
  /** The lane that is read beside it and compared; null for none. */
  readonly shadow: LaneId | null;
  /** The rule that made the decision. */
  readonly rule: RuleId;
  /** For a person: one sentence. */
  readonly reason: string;
  /** When the decision has to be made again at the latest, milliseconds since the Unix epoch; null for no such time. */
  readonly expiresAt: number | null;
  /** A rule that has something to warn of, such as a flag without effect; null for none. */
  readonly warning: RuleId | null;
}

/** Decides. Pure, never throws, whatever it is given. */
export type Decide = (policy: CutoverPolicy | null, unit: Unit, env: DecisionEnv) => Decision;
