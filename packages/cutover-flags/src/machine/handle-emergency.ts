import type { Waiver } from '../waivers/waiver.ts';
import { endOf, evidenceOf, type Handlers, refuse, requireExpiry } from './change.ts';
import { enterStage } from './enter-stage.ts';
import { plan, satisfied } from './make-plan.ts';
import { conditionRequirement } from './plan-conditions.ts';
import type { CutoverState } from './state.ts';
import { orderProblem } from './steps.ts';

/** The emergency path: loud, named, for a time, and in the way of Stage 3 until somebody else has cleared it. */
export const emergencyHandlers: Handlers<'fallback_start' | 'fallback_end' | 'emergency_force' | 'emergency_clear'> = {
  fallback_start(state, { incident, operator, reason, expires_at, units }, { actor, now, config }) {
    if (state.stage !== 2) return refuse('wrong_stage', `The fallback is of Stage 2; roll back instead.`);
    if (state.fallback !== null) return refuse('not_now', `The fallback of ${state.fallback.incident} is there.`);
    requireExpiry(expires_at, now, config.emergency.max_ms);
    const waiver: Waiver = {
      id: freeId(state, `fallback:${state.revision + 1}`),
      kind: 'emergency',
      gate: null,
      owner: operator,
      by: actor,
      reason,
      since: now,
      expires_at,
      incident,
      skipped: [],
    };
    return {
      patch: {
        fallback: { incident, operator, reason, since: now, expires_at, units },
        waivers: [...state.waivers, waiver],
        release_cycles: { at_zero: 0, releases: [], since: now },
        // An emergency does not wait for sessions to end.
        drain: true,
      },
      events: [
        {
          event: 'fallback_started',
          data: { incident, operator, expires_at, units: units === 'all' ? units : units.length, waiver: waiver.id },
          loud: true,
        },
      ],
    };
  },

  fallback_end(state, _command, { now }) {
    if (state.fallback === null) return refuse('unknown_id', 'There is no fallback to end.');
    return {
      patch: { fallback: null, drain: false, release_cycles: { at_zero: 0, releases: [], since: now } },
      events: [{ event: 'fallback_ended', data: { incident: state.fallback.incident } }],
    };
  },

  emergency_force(state, command, context) {
    const { id, to, incident, operator, expires_at, reason, drain } = command;
    const { now, config, evidence, actor } = context;
    if (to === 3) return refuse('wrong_stage', 'Stage 3 cannot be forced.');
    const problem = orderProblem(state, to, config);
    if (problem !== null) return refuse(problem.code, problem.reason);
    if (to < state.stage) return refuse('not_now', 'A way back needs no force: roll back.');
    // Not even an emergency switches to a lane that has nothing.
    const target = conditionRequirement('target', { state, to, evidence, config, now });
    if (!satisfied(target)) return refuse('empty_target', target.seen);
    requireExpiry(expires_at, now, config.emergency.max_ms);
    const skipped = plan(state, to, evidence, config, now);
    const waiver: Waiver = {
      id: freeId(state, `forced:${id}`),
      kind: 'emergency',
      gate: null,
      owner: operator,
      by: actor,
      reason,
      since: now,
      expires_at,
      incident,
      skipped: [...skipped.requirements.filter((each) => !satisfied(each)).map((each) => each.id), 'approvals'],
    };
    const last_flip = { id, from: state.stage, to, outcome: 'forced', at: now, reason } as const;
    const superseded = state.flip === null ? [] : [endOf(state.flip, 'withdrawn', now, 'An emergency came before it.')];
    return {
      patch: {
        ...enterStage(state, to, context),
        status: 'idle',
        flip: null,
        last_flip,
        drain,
        waivers: [...state.waivers, waiver],
        cooldown_until: now + config.cooldown.after_flip_ms,
      },
      events: [
        ...superseded.map((each) => ({ event: 'flip_withdrawn', data: { id: each.id }, reason: each.reason }) as const),
        {
          event: 'flip_forced',
          data: { id, incident, operator, expires_at, drain, waiver: waiver.id, skipped: waiver.skipped },
          evidence: evidenceOf(skipped),
          loud: true,
        },
      ],
    };
  },

  emergency_clear(state, { id }, { actor }) {
    const waiver = state.waivers.find((each) => each.id === id && each.kind === 'emergency');
    if (waiver === undefined) return refuse('unknown_id', `There is no emergency ${id}.`);
    if (actor === waiver.owner || actor === waiver.by) {
      return refuse('second_person', `${actor} answers for this emergency.`);
    }
    if (state.fallback !== null && state.fallback.incident === waiver.incident) {
      return refuse('not_now', 'Its fallback is still there: end it first.');
    }
    return {
      patch: { waivers: state.waivers.filter((each) => each !== waiver) },
      events: [{ event: 'emergency_cleared', data: { id, incident: waiver.incident, skipped: waiver.skipped } }],
    };
  },
};

/** The id, if no waiver has it. */
export function freeId(state: CutoverState, id: string): string {
  if (!state.waivers.some((waiver) => waiver.id === id)) return id;
  return refuse('invalid_command', `The id ${id} is taken.`, { path: 'id' });
}
