import type { FlagMetadata, JsonValue, ResolutionReason } from '@openfeature/server-sdk';
import type { CutoverPolicy } from '../policy/policy.ts';
import type { Decision } from '../rulebook/decision.ts';

/** What one flag says of a decision. */
export interface FlagAnswer {
  readonly value: JsonValue;
  readonly variant: string;
}

/** Every flag of the provider, by key. */
export const cutoverFlags = {
  /** `khala` or `spacetime`: the lane whose events are shown. */
  'cutover.lane': ({ lane }: Decision) => ({ value: lane, variant: lane }),
  /** `khala` or `spacetime`: the lane that takes what the unit itself writes. */
  'cutover.writes': ({ writes }: Decision) => ({ value: writes, variant: writes }),
  /** `khala`, `spacetime` or `none`: the lane that is read beside it and compared. */
  'cutover.shadow': ({ shadow }: Decision) => ({ value: shadow ?? 'none', variant: shadow ?? 'none' }),
  /** Whether the lane is spacetime. */
  'cutover.spacetime-primary': ({ lane }: Decision) =>
    lane === 'spacetime' ? { value: true, variant: 'on' } : { value: false, variant: 'off' },
  /** The whole decision. The variant is the rule. */
  'cutover.decision': (decision: Decision) => ({ value: { ...decision }, variant: decision.rule }),
} as const satisfies Record<string, (decision: Decision) => FlagAnswer>;

/** The key of a flag. */
export type CutoverFlag = keyof typeof cutoverFlags;

/** Whether a text is the key of a flag. */
export function isCutoverFlag(key: string): key is CutoverFlag {
  return Object.hasOwn(cutoverFlags, key);
}

/**
 * Why, in OpenFeature's words. `STALE` goes before all others: control has not confirmed the policy for a while.
 */
export function reasonOf(decision: Decision, policy: CutoverPolicy | null, stale: boolean): ResolutionReason {
  if (policy === null) return 'DEFAULT';
  if (stale) return 'STALE';
  switch (decision.rule) {
    case 'S0.2':
      return 'DISABLED';
    case 'S1.1':
    case 'S1.4':
      return 'TARGETING_MATCH';
    case 'S1.3':
      // Only an entry of the include list expires; a share does not.
      return decision.expiresAt === null ? 'SPLIT' : 'TARGETING_MATCH';
    case 'S1.2':
      return policy.cohort.percent > 0 ? 'SPLIT' : 'DEFAULT';
    case 'S1.5':
      return 'SPLIT';
    case 'S2.2':
      return policy.fallback?.units === 'all' ? 'DISABLED' : 'TARGETING_MATCH';
    default:
      return 'STATIC';
  }
}

/** What stands beside every answer. `flagSetId` and `version` are the names that telemetry looks for. */
export function metadataOf(decision: Decision, policy: CutoverPolicy | null): FlagMetadata {
  return {
    rule: decision.rule,
    ...(decision.warning === null ? {} : { warning: decision.warning }),
    ...(decision.expiresAt === null ? {} : { expires_at: decision.expiresAt }),
    ...(policy === null
      ? {}
      : {
          revision: policy.revision,
          stage: policy.stage,
          flagSetId: policy.deployment,
          version: String(policy.revision),
        }),
  };
}
