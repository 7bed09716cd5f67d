import type { Stage } from '../stage.ts';
import type { TransitionContext } from './command.ts';
import { shadowSampleOf } from './policy-of.ts';
import type { CutoverState } from './state.ts';

/** What changes when a stage is entered, from above or from below. The salt never does: no unit is dealt again. */
export function enterStage(
  state: CutoverState,
  stage: Stage,
  { now, config }: Pick<TransitionContext, 'now' | 'config'>,
  percent: number = stage < 2 ? 0 : state.cohort.percent,
): Partial<CutoverState> {
  return {
    stage,
    stage_since: now,
    shadow_sample: shadowSampleOf(stage, config),
    cohort: { ...state.cohort, percent },
    cohort_since: percent === state.cohort.percent && stage > 0 ? state.cohort_since : now,
    // A fallback is of Stage 2; cycles are counted from when it is entered.
    fallback: stage === 2 ? state.fallback : null,
    release_cycles: stage === 3 ? state.release_cycles : { at_zero: 0, releases: [], since: now },
  };
}
