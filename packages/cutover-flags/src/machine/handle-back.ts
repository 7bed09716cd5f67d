import { longestList } from '../policy/parse-policy.ts';
import type { CohortEntry } from '../policy/policy.ts';
import { type Change, endOf, evidenceOf, type Handlers, refuse } from './change.ts';
import type { CommandOf, TransitionContext } from './command.ts';
import { enterStage } from './enter-stage.ts';
import { plan } from './make-plan.ts';
import { refusalOf } from './refusals.ts';
import type { CutoverState } from './state.ts';

/** Ways back, and the cohorts of Stage 1. */
export const backHandlers: Handlers<'rollback' | 'set_cohort'> = {
  rollback(state, command, context) {
    const { target, drain, reason } = command;
    if (target.kind !== 'stage' && state.status === 'flipping') {
      return refuse('not_now', 'While a flip is under way only the whole stage can be rolled back.');
    }
    const change = rollbackTo(state, command, context);
    return {
      patch: {
        ...change.patch,
        drain,
        status: 'idle',
        flip: null,
        ...(state.flip === null ? {} : { last_flip: endOf(state.flip, 'rolled_back', context.now, reason) }),
        cooldown_until: Math.max(state.cooldown_until, context.now + context.config.cooldown.after_rollback_ms),
      },
      events: change.events,
    };
  },

  set_cohort(state, { change, drain }, context) {
    const { percent, cap, include, exclude } = change;
    if (percent === null && cap === null && include === null && exclude === null) {
      return refuse('invalid_command', 'It changes nothing.', { path: 'change' });
    }
    if (state.stage > 1) return refuse('wrong_stage', 'Cohorts are of Stage 1.');
    // A hold stops whatever may bring units over; excluding them is always possible.
    if (state.holds.length > 0 && (cap !== null || include !== null)) {
      refuse('held', state.holds.map((hold) => hold.reason).join(' '));
    }
    if (percent !== null && percent < state.cohort.percent) {
      refuse('invalid_command', 'A smaller share is a rollback of the cohort.', { path: 'change.percent' });
    }
    const step = percent === null ? null : plan(state, { percent }, context.evidence, context.config, context.now);
    const refusal = step === null ? null : refusalOf(step, state, context.config);
    if (refusal !== null) throw refusal;
    return {
      patch: {
        drain,
        cohort: {
          ...state.cohort,
          percent: percent ?? state.cohort.percent,
          cap: cap === null ? state.cohort.cap : cap === 'none' ? null : cap,
          include: include ?? state.cohort.include,
          exclude: exclude ?? state.cohort.exclude,
        },
        ...(percent === null ? {} : { cohort_since: context.now }),
      },
      events: [
        {
          event: 'cohort_changed',
          data: { percent, cap, include: include?.length ?? null, exclude: exclude?.length ?? null, drain },
          evidence: step === null ? [] : evidenceOf(step),
        },
      ],
    };
  },
};

function rollbackTo(
  state: CutoverState,
  { target, reason, drain }: CommandOf<'rollback'>,
  context: TransitionContext,
): Change {
  if (target.kind === 'stage') {
    if (target.stage >= state.stage)
      return refuse('wrong_stage', `Stage ${target.stage} is not before ${state.stage}.`);
    const percent = target.percent ?? (target.stage === 2 ? state.cohort.percent : 0);
    if (target.stage === 0 && percent !== 0)
      refuse('invalid_command', 'Stage 0 has no share.', { path: 'target.percent' });
    if (percent > state.cohort.percent) {
      refuse('invalid_command', `The share was ${state.cohort.percent} %.`, { path: 'target.percent' });
    }
    return {
      patch: enterStage(state, target.stage, context, percent),
      events: [{ event: 'rolled_back', data: { drain, percent }, loud: true }],
    };
  }
  if (state.stage !== 1) return refuse('wrong_stage', 'Cohorts are of Stage 1.');
  if (target.kind === 'cohort') {
    if (target.percent >= state.cohort.percent) {
      refuse('invalid_command', `The share is ${state.cohort.percent} %.`, { path: 'target.percent' });
    }
    return {
      patch: { cohort: { ...state.cohort, percent: target.percent }, cohort_since: context.now },
      events: [{ event: 'cohort_rolled_back', data: { percent: target.percent, drain }, loud: true }],
    };
  }
  if (target.until <= context.now) refuse('invalid_command', 'The time has passed.', { path: 'target.until' });
  const named = new Set(target.units);
  const kept = state.cohort.exclude.filter((entry) => !named.has(entry.unit) && context.now < entry.until);
  const exclude: readonly CohortEntry[] = [
    ...kept,
    ...target.units.map((unit) => ({ unit, until: target.until, reason })),
  ];
  if (exclude.length > longestList)
    refuse('invalid_command', `The list is longer than ${longestList}: roll back the cohort.`);
  return {
    patch: { cohort: { ...state.cohort, exclude } },
    events: [
      { event: 'cohort_rolled_back', data: { units: target.units.length, until: target.until, drain }, loud: true },
    ],
  };
}
