import type { JsonObject } from '@autopilot/sync-contract';
import { overdueWaivers } from '../waivers/waiver.ts';
import type { ConditionId, CutoverConfig } from './config.ts';
import type { Evidence } from './evidence.ts';
import type { PlanRequirement, PlanTarget, RequirementStatus } from './plan.ts';
import type { CutoverState } from './state.ts';

/** What a condition is judged from. */
export interface ConditionInput {
  readonly state: CutoverState;
  readonly to: PlanTarget;
  readonly evidence: Evidence;
  readonly config: CutoverConfig;
  readonly now: number;
}

interface Finding {
  readonly text: string;
  readonly status: RequirementStatus;
  readonly seen: string;
  readonly next?: string;
  readonly age_ms?: number;
  readonly wanted?: JsonObject;
}

/** The requirement of a condition. */
export function conditionRequirement(id: ConditionId, input: ConditionInput): PlanRequirement {
  return requirement(id, conditions[id](input));
}

/** A requirement that no receipt decides. */
export function requirement(id: string, finding: Finding): PlanRequirement {
  const { text, status, seen, next = '', age_ms = null, wanted = {} } = finding;
  return { id, text, status, seen, age_ms, next, wanted, evidence: [], waiver: null };
}

const conditions: Readonly<Record<ConditionId, (input: ConditionInput) => Finding>> = {
  target({ evidence: { facts } }) {
    const text = 'Spacetime has streams, heads, events and units.';
    const { target } = facts;
    if (target === null) return { text, status: 'missing', seen: 'Not known.', next: 'Let control read spacetime.' };
    const { streams, heads, events, units } = target;
    const seen = `${streams} streams, ${heads} heads, ${events} events, ${units} units.`;
    // NaN is not above zero either.
    const filled = [streams, heads, events, units].every((count) => Number.isFinite(count) && count > 0);
    if (filled) return { text, status: 'met', seen };
    return {
      text,
      status: 'failed',
      seen,
      next: 'Check the mirror and the units: an empty target is never switched to.',
    };
  },

  binding({ evidence: { facts, module_schema } }) {
    const text = 'The binding probe reads and writes on spacetime with a negotiated protocol.';
    const { binding } = facts;
    if (binding === null) return { text, status: 'missing', seen: 'Not probed.', next: 'Let control probe spacetime.' };
    if (!binding.ok) return { text, status: 'failed', seen: 'The probe failed.', next: 'Look at the log of control.' };
    if (binding.protocols.length === 0) {
      return { text, status: 'inconclusive', seen: 'No protocol was negotiated.', next: 'Probe spacetime again.' };
    }
    if (module_schema === null || binding.module_schema === null) {
      return { text, status: 'inconclusive', seen: 'The schema of the module is not known.', next: 'Probe it again.' };
    }
    if (binding.module_schema !== module_schema) {
      return {
        text,
        status: 'failed',
        seen: 'The module has another schema than the one in use.',
        next: 'Publish it.',
      };
    }
    return { text, status: 'met', seen: binding.protocols.join(', ') };
  },

  'reverse-path'({ evidence: { facts } }) {
    const text = 'Khala answers and could take the units back.';
    if (facts.khala === null) return { text, status: 'missing', seen: 'Not known.', next: 'Let control probe khala.' };
    if (facts.khala.reachable !== true) {
      return { text, status: 'failed', seen: 'Khala does not answer.', next: 'Bring khala up: there is no way back.' };
    }
    return { text, status: 'met', seen: 'Khala answers.' };
  },

  soak({ state, to, evidence: { facts }, config, now }) {
    const wantedPercent = typeof to === 'object' ? state.cohort.percent : 100;
    const text = `The share has been ${wantedPercent} % for the time of a soak, and the units are where it puts them.`;
    const wanted = { soak_ms: config.cohort.soak_ms, percent: wantedPercent, settled: config.flip.ack_ratio };
    const soaked = now - state.cohort_since;
    if (typeof to === 'object' && state.cohort.percent === 0) {
      return { text, wanted, status: 'not-applicable', seen: 'No unit is in the share yet.' };
    }
    if (state.cohort.percent < wantedPercent) {
      const next = 'Enlarge the cohort step by step to 100 %.';
      return { text, wanted, status: 'missing', seen: `The share is ${state.cohort.percent} %.`, next };
    }
    const { units, settled } = facts.placement ?? { units: Number.NaN, settled: Number.NaN };
    const where = facts.placement === null ? 'Where the units are is not known.' : `${settled} of ${units} units are.`;
    const seen = `${state.cohort.percent} % for ${soaked} ms. ${where}`;
    if (!(soaked >= config.cohort.soak_ms)) {
      const next = `Wait until ${isoTime(state.cohort_since + config.cohort.soak_ms)}.`;
      return { text, wanted, status: 'missing', seen, next };
    }
    if (!(units > 0 && settled >= 0)) {
      return { text, wanted, status: 'missing', seen, next: 'Let units report where they are.' };
    }
    if (settled / units >= config.flip.ack_ratio) return { text, wanted, status: 'met', seen };
    const next = 'Look at the units that drift or are not connected: a share that is only set proves nothing.';
    return { text, wanted, status: 'failed', seen, next };
  },

  service({ state, to, evidence: { facts }, config, now }) {
    const { p95_ms, error_budget, min_samples, max_age_ms } = config.service;
    const text = `The units on spacetime are served within ${p95_ms} ms (p95) and an error budget of ${error_budget}.`;
    const wanted = { ...config.service };
    if (typeof to === 'object' && state.cohort.percent === 0) {
      return { text, wanted, status: 'not-applicable', seen: 'No unit is in the share yet.' };
    }
    const { service } = facts;
    if (service === null)
      return { text, wanted, status: 'missing', seen: 'Nothing was measured.', next: 'Measure it.' };
    const { from, to: until, samples } = service;
    const age_ms = Math.max(0, now - until);
    const seen = `p95 ${service.p95_ms} ms, errors ${service.error_ratio}, ${samples} samples.`;
    if (![from, until, samples, service.p95_ms, service.error_ratio].every(Number.isFinite) || from > until) {
      return { text, wanted, status: 'inconclusive', seen, next: 'Measure it again.' };
    }
    if (age_ms > max_age_ms) return { text, wanted, status: 'stale', seen, age_ms, next: 'Measure it again.' };
    if (from < state.cohort_since) {
      const next = 'Measure only since the share last changed.';
      return { text, wanted, status: 'inconclusive', seen: `${seen} It began before the share changed.`, age_ms, next };
    }
    if (samples < min_samples) {
      return { text, wanted, status: 'inconclusive', seen, age_ms, next: `Wait for ${min_samples} samples.` };
    }
    // Anything else than known and within the bounds is a failure, negative numbers included.
    const good = service.p95_ms >= 0 && service.p95_ms <= p95_ms;
    const within = service.error_ratio >= 0 && service.error_ratio <= error_budget;
    if (good && within) return { text, wanted, status: 'met', seen, age_ms };
    return { text, wanted, status: 'failed', seen, age_ms, next: 'Find out why, and roll the cohort back meanwhile.' };
  },

  'sample-ratio'({ state, evidence: { facts }, config }) {
    const { p, from_units } = config.sample_ratio;
    const text = `The units arrive in the shares that are set (p not below ${p}).`;
    const wanted = { ...config.sample_ratio };
    if (state.cohort.percent === 0 || state.cohort.percent === 100) {
      const seen = `A share of ${state.cohort.percent} % leaves nothing to test.`;
      return { text, wanted, status: 'not-applicable', seen };
    }
    const units = facts.target?.units ?? Number.NaN;
    if (units < from_units) {
      return { text, wanted, status: 'not-applicable', seen: `${units} units are too few for a test.` };
    }
    const ratio = facts.sample_ratio;
    if (ratio === null) return { text, wanted, status: 'missing', seen: 'Not computed.', next: 'Count the units.' };
    const seen = `p = ${ratio.p ?? 'unknown'} of ${ratio.samples} units.`;
    if (ratio.p === null || !(ratio.p >= 0 && ratio.p <= 1) || !(ratio.samples > 0)) {
      return { text, wanted, status: 'inconclusive', seen, next: 'Wait for more units.' };
    }
    if (ratio.p >= p) return { text, wanted, status: 'met', seen };
    return { text, wanted, status: 'failed', seen, next: 'Find out why units are missing from one of the lanes.' };
  },

  'release-cycles'({ state, config }) {
    const text = `${config.release.cycles} releases in a row passed in Stage 2 without a fallback.`;
    const wanted = { ...config.release };
    const { at_zero, releases } = state.release_cycles;
    const seen = `${at_zero} (${releases.join(', ') || 'none'}).`;
    if (at_zero >= config.release.cycles) return { text, wanted, status: 'met', seen };
    return { text, wanted, status: 'missing', seen, next: 'Count the next release when it has passed.' };
  },

  'no-fallback'({ state, evidence: { facts } }) {
    const text = 'No emergency fallback is in force or in use.';
    if (state.fallback !== null) {
      return { text, status: 'failed', seen: `The fallback of ${state.fallback.incident} is there.`, next: 'End it.' };
    }
    const { fallback } = facts;
    if (fallback === null || !Number.isFinite(fallback.uses)) {
      return { text, status: 'missing', seen: 'Not counted.', next: 'Let control count what the units report.' };
    }
    if (!(fallback.units > 0)) {
      return { text, status: 'missing', seen: 'No unit has reported since.', next: 'Let units report to control.' };
    }
    if (fallback.uses === 0) {
      return { text, status: 'met', seen: `None of the ${fallback.units} units that reported used it.` };
    }
    return { text, status: 'failed', seen: `${fallback.uses} uses.`, next: 'Find out which units still use khala.' };
  },

  'no-emergency'({ state }) {
    const text = 'No emergency waits to be cleared.';
    const open = state.waivers.filter((waiver) => waiver.kind === 'emergency').map((waiver) => waiver.id);
    if (open.length === 0) return { text, status: 'met', seen: 'None.' };
    return { text, status: 'failed', seen: open.join(', '), next: 'Let somebody else clear it: emergency_clear.' };
  },

  'no-waiver'({ state, now }) {
    const text = 'No waiver is open, overdue ones included.';
    const overdue = new Set(overdueWaivers(state.waivers, now));
    const open = state.waivers
      .filter((waiver) => waiver.kind === 'gate')
      .map((waiver) => `${waiver.id}${overdue.has(waiver) ? ' (overdue)' : ''}`);
    if (open.length === 0) return { text, status: 'met', seen: 'None.' };
    return { text, status: 'failed', seen: open.join(', '), next: 'Meet what they waive, then end them: waive_end.' };
  },
};

/** A time in words, without reading a clock. */
export function isoTime(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`;
}
