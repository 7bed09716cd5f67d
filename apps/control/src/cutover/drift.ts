import { type CutoverPolicy, decide, unitOf } from '@autopilot/cutover-flags';
import type { Heartbeat } from './heartbeat-request.ts';

/** In what a unit differs from what is wanted. */
export const driftKinds = ['no-policy', 'revision-behind', 'revision-unknown', 'stage', 'lane', 'chain'] as const;

/**
 * `no-policy`: it has none. `revision-behind`: it has an older one. `revision-unknown`: one that control has never made.
 * `stage`: it names another stage than its policy. `lane`: it is on another lane than the rules say. `chain`: it has
 * applied other events than control has delivered.
 */
export type DriftKind = (typeof driftKinds)[number];

/** What a unit is held to. */
export interface DriftInput {
  readonly heartbeat: Pick<Heartbeat, 'unit' | 'policy_revision' | 'stage' | 'lane' | 'rule' | 'session'>;
  readonly policy: CutoverPolicy;
  /** Whether the unit has a place under the cap. */
  readonly admitted: boolean;
  readonly chainsDiffer: boolean;
  /** Milliseconds since the Unix epoch, by the clock that the policy is made for. */
  readonly now: number;
}

/** How a unit differs from the policy; nothing when it does not. */
export function driftOf({ heartbeat, policy, admitted, chainsDiffer, now }: DriftInput): readonly DriftKind[] {
  const kinds: DriftKind[] = [];
  const { policy_revision: revision, stage, lane, rule, unit: id } = heartbeat;
  if (chainsDiffer) kinds.push('chain');
  if (revision === null) return [...kinds, 'no-policy'];
  if (revision > policy.revision) return [...kinds, 'revision-unknown'];
  if (revision < policy.revision) return [...kinds, 'revision-behind'];
  if (stage !== policy.stage) kinds.push('stage');
  const unit = { ...unitOf(id, policy, null), admitted };
  // The flag of Stage 1 is the unit's own affair: whether it is set shows in the rule.
  const flag = policy.stage === 1 && rule === 'S1.1' ? '1' : undefined;
  const wanted = decide(policy, unit, { now, flag, khala: lane === 'khala' || heartbeat.stage !== 3 });
  if (wanted.lane !== lane) kinds.push('lane');
  return kinds;
}
