import type { JsonObject } from '@autopilot/sync-contract';
import { stageNames } from '../stage.ts';
import type { CutoverConfig } from './config.ts';
import type { PlanEffect, PlanTarget } from './plan.ts';
import { shadowSampleOf } from './policy-of.ts';
import type { CutoverState } from './state.ts';
import { directionOf, isStageTarget } from './steps.ts';

/** What a step does, in words and as data. */
export function effectsOf(state: CutoverState, to: PlanTarget, config: CutoverConfig): readonly PlanEffect[] {
  const direction = directionOf(state, to);
  if (direction === 'none') return [];
  const back = direction === 'back';
  const effects: PlanEffect[] = [];
  const add = (id: string, text: string, data: JsonObject = {}) => void effects.push({ id, text, data });

  if (typeof to === 'object') {
    const { percent } = state.cohort;
    add('share', `The share of the units on spacetime goes from ${percent} % to ${to.percent} %.`, {
      from: percent,
      to: to.percent,
    });
    add('sticky', 'No unit is dealt again: a larger share holds every unit of a smaller one.');
  }
  if (to === 'sealed') add('seal', 'Stage 3 is sealed: only a release that is reverted brings khala back.');
  if (isStageTarget(to)) {
    add('stage', `Stage ${state.stage} (${stageNames[state.stage]}) becomes Stage ${to} (${stageNames[to]}).`, {
      from: state.stage,
      to,
    });
    add('lanes', laneTexts[to]);
    const sample = shadowSampleOf(to, config);
    add('shadow', `${sample * 100} % of the events are compared with the other lane.`, { shadow_sample: sample });
    if (to === 1) add('share', 'The share of the units on spacetime begins with 0 %.', { to: 0 });
    if (back && state.fallback !== null) add('fallback', 'The emergency fallback ends.');
  }
  add('policy', 'A policy of a new revision is published, and each unit takes it over when it next asks.', {
    after: state.policy_revision,
  });
  if (isStageTarget(to) && !back) {
    const { ack_ratio, ack_timeout_ms } = config.flip;
    const text = `It is undone when less than ${ack_ratio * 100} % of the units have said so after ${ack_timeout_ms} ms.`;
    add('acknowledgements', text, { ack_ratio, ack_timeout_ms });
  }
  const cooldown = back ? config.cooldown.after_rollback_ms : config.cooldown.after_flip_ms;
  if (to !== 'sealed') add('cooldown', `No step forward for ${cooldown} ms.`, { cooldown_ms: cooldown });
  if (to === 3) add('way-back', 'It can be taken back until it is sealed, for units that still have khala in them.');
  return effects;
}

const laneTexts = {
  0: 'Every unit is on khala; spacetime is read and compared only.',
  1: 'Units that set the flag or are in the cohort are on spacetime, all others on khala.',
  2: 'Every unit is on spacetime; khala only in an emergency fallback.',
  3: 'Every unit is on spacetime; a toggle is a start-up error.',
} as const;
