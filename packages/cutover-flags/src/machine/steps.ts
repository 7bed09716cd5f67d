import type { Stage } from '../stage.ts';
import type { CutoverConfig, StepId } from './config.ts';
import type { PlanTarget } from './plan.ts';
import type { CutoverState } from './state.ts';

/** The next larger share that the configuration allows; null when there is none. */
export function nextPercent(percent: number, config: CutoverConfig): number | null {
  return config.cohort.steps.find((step) => step > percent) ?? null;
}

/** Which way a step leads. `none`: it leads to where the cutover is. */
export function directionOf(state: CutoverState, to: PlanTarget): 'forward' | 'back' | 'none' {
  if (to === 'sealed') return state.status === 'sealed' ? 'none' : 'forward';
  if (typeof to === 'object') return sign(to.percent - state.cohort.percent);
  return sign(to - state.stage);
}

/** The step whose requirements hold for a way forward. */
export function stepOf(to: PlanTarget): StepId {
  if (to === 'sealed') return 'seal';
  if (typeof to === 'object') return 'cohort';
  // Nothing goes forward to 0; its requirements would be those of the first step.
  return ({ 0: 'enter_1', 1: 'enter_1', 2: 'enter_2', 3: 'enter_3' } as const)[to];
}

/** Why the order forbids a step; null when it does not. */
export function orderProblem(state: CutoverState, to: PlanTarget, config: CutoverConfig): OrderProblem | null {
  if (state.status === 'sealed') return { code: 'sealed', reason: 'Stage 3 is sealed.' };
  const direction = directionOf(state, to);
  if (to === 'sealed') {
    return state.stage === 3
      ? null
      : { code: 'stage_skipped', reason: `Only Stage 3 is sealed; this is ${state.stage}.` };
  }
  if (typeof to === 'object') {
    if (state.stage !== 1) return { code: 'wrong_stage', reason: 'Cohorts are of Stage 1.' };
    if (direction === 'none') return { code: 'not_now', reason: `The share is ${to.percent} % already.` };
    const next = nextPercent(state.cohort.percent, config);
    if (direction === 'forward' && to.percent !== next) {
      return { code: 'stage_skipped', reason: `After ${state.cohort.percent} % comes ${next ?? 'nothing'} %.` };
    }
    return null;
  }
  if (direction === 'none') return { code: 'not_now', reason: `The stage is ${to} already.` };
  if (direction === 'forward' && to !== state.stage + 1) {
    return { code: 'stage_skipped', reason: `After Stage ${state.stage} comes Stage ${state.stage + 1}.` };
  }
  return null;
}

/** A step that the order forbids. */
export interface OrderProblem {
  readonly code: 'sealed' | 'stage_skipped' | 'wrong_stage' | 'not_now';
  readonly reason: string;
}

/** Whether a target is a stage. */
export function isStageTarget(to: PlanTarget): to is Stage {
  return typeof to === 'number';
}

function sign(difference: number): 'forward' | 'back' | 'none' {
  if (difference > 0) return 'forward';
  return difference < 0 ? 'back' : 'none';
}
