import { type PayloadHash, payloadHash } from '@autopilot/sync-contract';
import type { CutoverConfig } from './config.ts';
import type { Evidence } from './evidence.ts';
import { placeOf } from './place.ts';
import type { Plan, PlanRequirement, PlanTarget } from './plan.ts';
import { conditionRequirement, isoTime, requirement } from './plan-conditions.ts';
import { planDigest } from './plan-digest.ts';
import { effectsOf } from './plan-effects.ts';
import { gateRequirements } from './plan-gates.ts';
import type { CutoverState } from './state.ts';
import { directionOf, orderProblem, stepOf } from './steps.ts';

/**
 * A dry run of a step to `to`. Total: what cannot be done has a failed requirement that says why. A step back needs no
 * evidence.
 */
export function plan(
  state: CutoverState,
  to: PlanTarget,
  evidence: Evidence,
  config: CutoverConfig,
  now: number,
): Plan {
  const direction = directionOf(state, to);
  const requirements = [order(state, to, config), ...(direction === 'forward' ? forward() : [])];
  const unmet = requirements.filter((each) => !satisfied(each));
  const body: Omit<Plan, 'digest'> = {
    schema: 'autopilot.cutover-plan.v1',
    deployment: state.deployment,
    from: placeOf(state),
    to,
    direction,
    at: now,
    effects: effectsOf(state, to, config),
    requirements,
    ready: unmet.length === 0,
    next_steps: unmet.map((each) => `${each.id}: ${each.next}`),
    approvals_needed: direction === 'forward' && typeof to !== 'object' ? config.approvals : 0,
    values: {
      request_ttl_ms: config.request_ttl_ms,
      flip: { ...config.flip },
      cooldown: { ...config.cooldown },
      cohort: { steps: [...config.cohort.steps], soak_ms: config.cohort.soak_ms },
      emergency: { ...config.emergency },
      waivers: { ...config.waivers },
      shadow_sample: { ...config.shadow_sample },
      triggers: config.triggers.map(({ id, for_ms, stage_1, stage_2, clauses }) => {
        return { id, for_ms, stage_1, stage_2, clauses: clauses.map((clause) => ({ ...clause })) };
      }),
      // What of the state the plan rests on and does not show: another cohort or waiver makes another plan.
      state: payloadHash({
        cohort: state.cohort,
        fallback: state.fallback,
        waivers: state.waivers,
        holds: state.holds.map((hold) => hold.trigger),
      }),
    },
    environment: {
      packages: { ...evidence.packages },
      commit: evidence.commit,
      module_schema: evidence.module_schema,
    },
    config_digest: digestOf(config),
  };
  return { ...body, digest: planDigest(body) };

  function forward(): readonly PlanRequirement[] {
    const step = config.steps[stepOf(to)];
    return [
      holds(state),
      cooldown(state, now),
      ...step.conditions.map((id) => conditionRequirement(id, { state, to, evidence, config, now })),
      ...gateRequirements(step.gates, evidence, config, state, now),
    ];
  }
}

const digests = new WeakMap<CutoverConfig, PayloadHash>();

/** A configuration is large and does not change, while plans of it are made all the time. */
function digestOf(config: CutoverConfig): PayloadHash {
  const digest = digests.get(config) ?? payloadHash(config);
  digests.set(config, digest);
  return digest;
}

/** Whether a requirement lets a plan be ready. */
export function satisfied({ status }: PlanRequirement): boolean {
  return status === 'met' || status === 'waived' || status === 'not-applicable';
}

function order(state: CutoverState, to: PlanTarget, config: CutoverConfig): PlanRequirement {
  const problem = orderProblem(state, to, config);
  const text = 'One step at a time, and never out of a sealed Stage 3.';
  if (problem === null) return requirement('order', { text, status: 'met', seen: `From Stage ${state.stage}.` });
  return requirement('order', { text, status: 'failed', seen: problem.reason, next: 'Ask for the next step instead.' });
}

function holds(state: CutoverState): PlanRequirement {
  const text = 'Nothing holds the cutover.';
  if (state.holds.length === 0) return requirement('holds', { text, status: 'met', seen: 'None.' });
  const seen = state.holds.map((hold) => `${hold.trigger}: ${hold.reason}`).join(' ');
  const byHand = state.holds.some((hold) => hold.needs_release);
  const next = byHand ? 'Look into it, then release it: release_hold.' : 'Wait until the trigger is clear.';
  return requirement('holds', { text, status: 'failed', seen, next });
}

function cooldown(state: CutoverState, now: number): PlanRequirement {
  const text = 'The cutover has cooled down since its last change.';
  if (now >= state.cooldown_until) return requirement('cooldown', { text, status: 'met', seen: 'It has.' });
  const until = isoTime(state.cooldown_until);
  return requirement('cooldown', { text, status: 'missing', seen: `Until ${until}.`, next: `Wait until ${until}.` });
}
