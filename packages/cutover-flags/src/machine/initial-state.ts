import type { Stage } from '../stage.ts';
import type { CutoverConfig } from './config.ts';
import { shadowSampleOf } from './policy-of.ts';
import { type CutoverState, stateSchema } from './state.ts';

/** What a new cutover begins with. */
export interface InitialStateOptions {
  readonly deployment: string;
  /** Of the cohorts; fixed for the life of the rollout. */
  readonly salt: string;
  /** 0 where there is a khala to leave, 2 where there is none. */
  readonly stage: Extract<Stage, 0 | 2>;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly config: CutoverConfig;
}

/** The state of a cutover that nothing has happened to: revision 1. */
export function initialState({ deployment, salt, stage, now, config }: InitialStateOptions): CutoverState {
  return {
    schema: stateSchema,
    deployment,
    revision: 1,
    policy_revision: 1,
    policy_changed_at: now,
    status: 'idle',
    stage,
    stage_since: now,
    cohort: { salt, percent: stage === 2 ? 100 : 0, cap: null, include: [], exclude: [] },
    cohort_since: now,
    drain: false,
    shadow_sample: shadowSampleOf(stage, config),
    flip: null,
    last_flip: null,
    cooldown_until: now,
    fallback: null,
    waivers: [],
    holds: [],
    triggers: {},
    release_cycles: { at_zero: 0, releases: [], since: now },
    answers: [],
  };
}
