import { bucketOf } from '../../src/cohort/bucket.ts';
import { type CohortEntry, type CutoverPolicy, policySchema } from '../../src/policy/policy.ts';
import type { DecisionEnv, Unit } from '../../src/rulebook/decision.ts';

export const now = 1_800_000_000_000;
export const later = now + 3_600_000;
export const earlier = now - 1;

/** A policy of Stage 1 with an empty cohort, changed as asked. */
export function policy(
  change: Partial<Omit<CutoverPolicy, 'cohort'>> & { cohort?: Partial<CutoverPolicy['cohort']> } = {},
): CutoverPolicy {
  const { cohort, ...rest } = change;
  return {
    schema: policySchema,
    deployment: 'test',
    revision: 1,
    stage: 1,
    sealed: false,
    issued_at: now,
    cohort: { salt: 'rollout-1', percent: 0, cap: null, include: [], exclude: [], ...cohort },
    fallback: null,
    drain: false,
    shadow_sample: 0,
    ...rest,
  };
}

export function unit(change: Partial<Unit> = {}): Unit {
  return { id: 'desktop-1', bucket: bucketOf('rollout-1', 'desktop-1'), admitted: false, ...change };
}

export function env(change: Partial<DecisionEnv> = {}): DecisionEnv {
  return { now, flag: undefined, khala: true, ...change };
}

export function entry(change: Partial<CohortEntry> = {}): CohortEntry {
  return { unit: 'desktop-1', until: later, reason: 'asked for', ...change };
}

export const fallback = {
  incident: 'INC-7',
  operator: 'ana',
  reason: 'sync stalls',
  since: now - 1_000,
  expires_at: later,
  units: 'all',
} as const;
