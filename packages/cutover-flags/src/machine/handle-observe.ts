import { type EventDraft, endOf, type Handlers } from './change.ts';
import type { TransitionContext } from './command.ts';
import type { Trigger, TriggerAction } from './config.ts';
import { enterStage } from './enter-stage.ts';
import type { CutoverState, Hold } from './state.ts';
import { watch } from './triggers.ts';

/** What is measured, and what the triggers make of it. */
export const observeHandlers: Handlers<'observe'> = {
  observe(state, { signals }, context) {
    let next = state;
    const events: EventDraft[] = [];
    for (const trigger of context.config.triggers) {
      const action = actionIn(trigger, next);
      if (action === 'none') continue;
      const before = Object.hasOwn(next.triggers, trigger.id) ? next.triggers[trigger.id] : undefined;
      const { state: seen, fires, cleared } = watch(trigger, before, signals, context.now, context.config);
      if (seen !== before && (before !== undefined || seen.bad_since !== null)) {
        next = { ...next, triggers: { ...next.triggers, [trigger.id]: seen } };
      }
      if (cleared) next = release(next, trigger, events);
      if (fires) next = act(next, trigger, action, context, events);
    }
    return { patch: changed(state, next), events };
  },
};

function actionIn(trigger: Trigger, { stage }: CutoverState): TriggerAction {
  if (stage === 1) return trigger.stage_1;
  return stage === 2 ? trigger.stage_2 : 'none';
}

function act(
  state: CutoverState,
  trigger: Trigger,
  action: TriggerAction,
  context: TransitionContext,
  events: EventDraft[],
): CutoverState {
  const { now, config } = context;
  const data = { trigger: trigger.id, for_ms: trigger.for_ms };
  if (action === 'alert') {
    events.push({ event: 'trigger_alert', data, reason: trigger.text, loud: true });
    return state;
  }
  const back = rollback(state, action, context);
  const held: Hold = { trigger: trigger.id, since: now, reason: trigger.text, needs_release: back !== null };
  const holds = [...state.holds.filter((hold) => hold.trigger !== trigger.id), held];
  if (back === null) {
    events.push({ event: 'hold_placed', data, reason: trigger.text, loud: true });
    return { ...state, holds };
  }
  events.push({ event: 'rolled_back_by_trigger', data, reason: trigger.text, loud: true });
  return {
    ...state,
    ...back,
    holds,
    drain: true,
    status: 'idle',
    flip: null,
    last_flip: state.flip === null ? state.last_flip : endOf(state.flip, 'rolled_back', now, trigger.text),
    cooldown_until: Math.max(state.cooldown_until, now + config.cooldown.after_rollback_ms),
  };
}

/** What an automatic rollback changes; null when there is nothing to take back, or nobody has looked at the last one. */
function rollback(
  state: CutoverState,
  action: TriggerAction,
  context: TransitionContext,
): Partial<CutoverState> | null {
  if (action === 'hold' || state.holds.some((hold) => hold.needs_release)) return null;
  if (action === 'rollback-stage') {
    return state.stage === 2 ? enterStage(state, 1, context) : enterStage(state, 0, context);
  }
  if (state.stage !== 1 || state.cohort.percent === 0) return null;
  return { cohort: { ...state.cohort, percent: 0 }, cohort_since: context.now };
}

function release(state: CutoverState, trigger: Trigger, events: EventDraft[]): CutoverState {
  const holds = state.holds.filter((hold) => hold.trigger !== trigger.id || hold.needs_release);
  if (holds.length === state.holds.length) return state;
  const reason = 'The trigger has been clear for long enough.';
  events.push({ event: 'hold_released', data: { trigger: trigger.id }, reason });
  return { ...state, holds };
}

function changed(before: CutoverState, after: CutoverState): Partial<CutoverState> {
  const keys = Object.keys(after) as (keyof CutoverState)[];
  return Object.fromEntries(keys.filter((key) => before[key] !== after[key]).map((key) => [key, after[key]]));
}
