import type { LaneId } from '@autopilot/sync-contract';
import type { Decision } from './decision.ts';
import { type RuleId, rules } from './rules.ts';

/** The decision of a rule that depends on no time, made once: with its shadow and without. */
export interface FixedDecision {
  readonly alone: Decision;
  readonly shadowed: Decision;
}

/** The decisions of a rule, frozen. `warning` is the rule that has something to warn of. */
export function fixedDecision(rule: RuleId, warning: RuleId | null = null): FixedDecision {
  const of = (shadow: LaneId | null) => Object.freeze(decisionOf(rule, shadow, rules[rule].text, null, warning));
  return Object.freeze({ alone: of(null), shadowed: of(shadowOf(rule)) });
}

/** A decision that has to be made again at `expiresAt`. */
export function decisionUntil(
  rule: RuleId,
  shadowed: boolean,
  reason: string,
  expiresAt: number,
  warning: RuleId | null,
): Decision {
  return decisionOf(rule, shadowed ? shadowOf(rule) : null, reason, expiresAt, warning);
}

/** The lane that is compared under a rule when there is a shadow at all. */
function shadowOf(rule: RuleId): LaneId | null {
  const { shadow } = rules[rule].decides;
  return shadow === 'sampled' ? 'khala' : shadow;
}

function decisionOf(
  rule: RuleId,
  shadow: LaneId | null,
  reason: string,
  expiresAt: number | null,
  warning: RuleId | null,
): Decision {
  const { lane } = rules[rule].decides;
  return { lane, writes: lane, shadow, rule, reason, expiresAt, warning };
}
