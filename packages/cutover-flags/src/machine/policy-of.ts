import { type CutoverPolicy, policySchema } from '../policy/policy.ts';
import type { Stage } from '../stage.ts';
import type { CutoverConfig } from './config.ts';
import type { CutoverState } from './state.ts';

/** The policy document that a state publishes, to be signed. It depends on nothing else: one revision, one document. */
export function policyOf(state: CutoverState): CutoverPolicy {
  return {
    schema: policySchema,
    deployment: state.deployment,
    revision: state.policy_revision,
    stage: state.stage,
    sealed: state.status === 'sealed',
    issued_at: state.policy_changed_at,
    cohort: state.cohort,
    fallback: state.fallback,
    drain: state.drain,
    shadow_sample: state.shadow_sample,
  };
}

/** The share of the events that a stage compares. Stage 3 has nothing to compare with. */
export function shadowSampleOf(stage: Stage, { shadow_sample }: CutoverConfig): number {
  return { 0: shadow_sample.stage_0, 1: shadow_sample.stage_1, 2: shadow_sample.stage_2, 3: 0 }[stage];
}
