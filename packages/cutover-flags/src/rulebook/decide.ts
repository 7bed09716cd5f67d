import { activeEntry, coversUnit, isInShare } from '../cohort/membership.ts';
import type { CutoverPolicy, EmergencyFallback } from '../policy/policy.ts';
import { isActive } from '../policy/validity.ts';
import type { Decide, Decision, DecisionEnv, Unit } from './decision.ts';
import { decisionUntil, type FixedDecision, fixedDecision } from './decisions.ts';
import type { RuleId } from './rules.ts';
import { readToggle } from './toggles.ts';

// Nearly every decision is one of these: nothing is allocated.
const hidden = fixedDecision('S0.1');
const hiddenUnreadFlag = fixedDecision('S0.1', 'S0.2');
const hiddenFlag = fixedDecision('S0.2', 'S0.2');
const byFlag = fixedDecision('S1.1');
const elsewhere = fixedDecision('S1.2');
const elsewhereUnreadFlag = fixedDecision('S1.2', 'S1.1');
const inCohort = fixedDecision('S1.3');
const inCohortUnreadFlag = fixedDecision('S1.3', 'S1.1');
const notAdmitted = fixedDecision('S1.5');
const notAdmittedUnreadFlag = fixedDecision('S1.5', 'S1.1');
const byDefault = fixedDecision('S2.1');
const byDefaultUnreadFlag = fixedDecision('S2.1', 'S2.3');
const byDefaultBadFallback = fixedDecision('S2.1', 'S2.2');
const redundantFlag = fixedDecision('S2.3', 'S2.3');
const expiredFallback = fixedDecision('S2.4');
const expiredFallbackFlag = fixedDecision('S2.4', 'S2.3');
const only = fixedDecision('S3.1');
const onlyFlag = fixedDecision('S3.2', 'S3.2');
const safeKhala = fixedDecision('D.1');
const safeKhalaFlag = fixedDecision('D.1', 'D.1');
const safeSpacetime = fixedDecision('D.2');
const safeSpacetimeFlag = fixedDecision('D.2', 'D.2');

/**
 * Where a unit reads and writes. Pure and total: what cannot be read is decided by the rule of the stage that moves
 * nobody, without a shadow.
 *
 * `env.khala` decides about the shadow and between `D.1` and `D.2`. A lane that a policy names and this build does not
 * hold is still the decision: the app reports that it cannot follow.
 */
export const decide: Decide = (policy, unit, env) => {
  try {
    return byPolicy(policy, unit, env);
  } catch {
    return withoutEvidence(policy);
  }
};

function byPolicy(policy: CutoverPolicy | null, unit: Unit, env: DecisionEnv): Decision {
  const khala = env.khala === true;
  const { flag } = env;
  switch (policy?.stage) {
    case 0:
      return pick(ofFlag(flag, hidden, hiddenFlag, hiddenUnreadFlag), khala);
    case 1:
      return inStage1(policy, unit, env, khala);
    case 2:
      return inStage2(policy, unit, env, khala);
    case 3:
      return (isAbsent(flag) ? only : onlyFlag).alone;
    default:
      if (khala) return ofFlag(flag, safeKhala, safeKhalaFlag, safeKhalaFlag).alone;
      return ofFlag(flag, safeSpacetime, safeSpacetimeFlag, safeSpacetimeFlag).alone;
  }
}

function inStage1({ cohort }: CutoverPolicy, unit: Unit, env: DecisionEnv, khala: boolean): Decision {
  const toggle = readToggle(env.flag);
  const excluded = activeEntry(cohort.exclude, unit.id, env.now);
  if (excluded !== null) {
    const reason = `Excluded until its expiry: ${excluded.reason}`;
    return decisionUntil('S1.4', khala, reason, excluded.until, toggle === 'unset' ? null : 'S1.4');
  }
  if (toggle === 'on') return pick(byFlag, khala);
  const warning: RuleId | null = toggle === 'unset' ? null : 'S1.1';
  const included = activeEntry(cohort.include, unit.id, env.now);
  if (included !== null) {
    return decisionUntil('S1.3', khala, `Included until its expiry: ${included.reason}`, included.until, warning);
  }
  if (!isInShare(cohort.percent, unit.bucket)) return pick(warning ? elsewhereUnreadFlag : elsewhere, khala);
  if (cohort.cap === null || unit.admitted === true) return pick(warning ? inCohortUnreadFlag : inCohort, khala);
  return pick(warning ? notAdmittedUnreadFlag : notAdmitted, khala);
}

function inStage2(policy: CutoverPolicy, unit: Unit, env: DecisionEnv, khala: boolean): Decision {
  const toggle = readToggle(env.flag);
  const sampled = khala && policy.shadow_sample > 0 && policy.shadow_sample <= 1;
  const fallback = policy.fallback ?? null;
  if (fallback !== null) {
    if (!isComplete(fallback)) return pick(byDefaultBadFallback, sampled);
    if (fallback.units === 'all' || coversUnit(fallback.units, unit.id)) {
      if (!isActive(fallback.expires_at, env.now)) {
        return pick(toggle === 'unset' ? expiredFallback : expiredFallbackFlag, sampled);
      }
      const reason = `Emergency fallback of incident ${fallback.incident}: ${fallback.reason}`;
      return decisionUntil('S2.2', khala, reason, fallback.expires_at, toggle === 'unset' ? null : 'S2.3');
    }
  }
  return pick(ofFlag(env.flag, byDefault, redundantFlag, byDefaultUnreadFlag), sampled);
}

/** What holds when policy, unit or environment cannot be read: the stage, if it can, and else nothing to leave. */
function withoutEvidence(policy: CutoverPolicy | null): Decision {
  try {
    if (policy?.stage === 0) return hidden.alone;
    if (policy?.stage === 1) return elsewhere.alone;
    if (policy?.stage === 2) return byDefault.alone;
    if (policy?.stage === 3) return only.alone;
  } catch {
    // The policy itself throws: it is none.
  }
  return safeSpacetime.alone;
}

function pick(fixed: FixedDecision, shadowed: boolean): Decision {
  return shadowed ? fixed.shadowed : fixed.alone;
}

function ofFlag(flag: unknown, unset: FixedDecision, on: FixedDecision, unread: FixedDecision): FixedDecision {
  const toggle = readToggle(flag);
  if (toggle === 'unset') return unset;
  return toggle === 'on' ? on : unread;
}

function isAbsent(flag: unknown): boolean {
  return flag === undefined || flag === null;
}

function isComplete(fallback: EmergencyFallback): boolean {
  return (
    isText(fallback.incident) &&
    isText(fallback.operator) &&
    isText(fallback.reason) &&
    Number.isFinite(fallback.since) &&
    Number.isFinite(fallback.expires_at) &&
    fallback.since < fallback.expires_at &&
    (fallback.units === 'all' || Array.isArray(fallback.units))
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
