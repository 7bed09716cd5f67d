import type { PayloadHash } from '@autopilot/sync-contract';
import type { CutoverConfig } from './config.ts';
import type { Evidence } from './evidence.ts';
import type { Plan, PlanTarget } from './plan.ts';
import type { CutoverState } from './state.ts';

/** A dry run of a step to `to`. Total: what cannot be done has a failed requirement that says why. */
export function plan(
  _state: CutoverState,
  _to: PlanTarget,
  _evidence: Evidence,
  _config: CutoverConfig,
  _now: number,
): Plan {
  throw new Error('not yet');
}

/** The digest of a plan, computed anew from its other members. */
export function planDigest(_plan: Omit<Plan, 'digest'>): PayloadHash {
  throw new Error('not yet');
}
