import type { LaneId } from '@autopilot/sync-contract';
import type { Stage } from '../stage.ts';

/** The rules, two per stage and what they imply. `D.1` and `D.2` decide where there is no policy to ask. */
export const ruleIds = [
  'S0.1',
  'S0.2',
  'S1.1',
  'S1.2',
  'S1.3',
  'S1.4',
  'S1.5',
  'S2.1',
  'S2.2',
  'S2.3',
  'S2.4',
  'S3.1',
  'S3.2',
  'D.1',
  'D.2',
] as const;

/** The id of a rule. */
export type RuleId = (typeof ruleIds)[number];

/** What a rule decides. Writes go where the lane is. */
export interface RuleDecision {
  readonly lane: LaneId;
  /** The lane that is compared where this build holds khala; `sampled` where a shadow sample is configured as well. */
  readonly shadow: LaneId | 'sampled' | null;
}

/** One rule of the cutover. */
export interface Rule {
  readonly id: RuleId;
  /** The stage it belongs to; null where there is no policy to name one. */
  readonly stage: Stage | null;
  /** When it decides, and what: one sentence. */
  readonly text: string;
  readonly decides: RuleDecision;
}

const khala = (shadow: RuleDecision['shadow']): RuleDecision => Object.freeze({ lane: 'khala', shadow });
const spacetime = (shadow: RuleDecision['shadow']): RuleDecision => Object.freeze({ lane: 'spacetime', shadow });

function rule<Id extends RuleId>(id: Id, stage: Stage | null, decides: RuleDecision, text: string): Rule {
  return Object.freeze({ id, stage, text, decides });
}

/** The rulebook. What a rule decides is read from here by {@link decide}. */
export const rules: Readonly<Record<RuleId, Rule>> = Object.freeze({
  'S0.1': rule('S0.1', 0, khala('spacetime'), 'khala is primary; spacetime is read and compared, never written.'),
  'S0.2': rule(
    'S0.2',
    0,
    khala('spacetime'),
    'OA_SPACETIME_PRIMARY_COMMS is refused before Stage 1; khala is primary.',
  ),
  'S1.1': rule('S1.1', 1, spacetime('khala'), 'OA_SPACETIME_PRIMARY_COMMS=1 makes spacetime primary on this unit.'),
  'S1.2': rule('S1.2', 1, khala('spacetime'), 'khala is primary for every unit without flag and outside the cohort.'),
  'S1.3': rule('S1.3', 1, spacetime('khala'), 'The unit is in the rollout cohort; spacetime is primary.'),
  'S1.4': rule(
    'S1.4',
    1,
    khala('spacetime'),
    'The unit is excluded or rolled back; khala, whatever flag and cohort say.',
  ),
  'S1.5': rule('S1.5', 1, khala('spacetime'), 'The unit is in the share, but the cap has not admitted it; khala.'),
  'S2.1': rule('S2.1', 2, spacetime('sampled'), 'spacetime is primary by default.'),
  'S2.2': rule('S2.2', 2, khala('spacetime'), 'An emergency fallback covers the unit and has not expired; khala.'),
  'S2.3': rule('S2.3', 2, spacetime('sampled'), 'OA_SPACETIME_PRIMARY_COMMS is redundant in Stage 2; spacetime.'),
  'S2.4': rule('S2.4', 2, spacetime('sampled'), 'The emergency fallback of the unit has expired; spacetime.'),
  'S3.1': rule('S3.1', 3, spacetime(null), 'spacetime is the only lane.'),
  'S3.2': rule('S3.2', 3, spacetime(null), 'A toggle is refused in Stage 3; spacetime is the only lane.'),
  'D.1': rule('D.1', null, khala(null), 'There is no policy and this build holds khala; khala.'),
  'D.2': rule('D.2', null, spacetime(null), 'There is no policy and this build holds no khala; spacetime.'),
});
