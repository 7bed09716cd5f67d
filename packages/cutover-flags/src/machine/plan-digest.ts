import { type PayloadHash, payloadHash } from '@autopilot/sync-contract';
import type { Plan } from './plan.ts';

/** The digest of a plan, computed from its other members without those that change as time goes by. */
export function planDigest(plan: Omit<Plan, 'digest'>): PayloadHash {
  const { at: _at, next_steps: _steps, requirements, ...lasting } = plan;
  return payloadHash({
    ...lasting,
    requirements: requirements.map(({ id, text, status, wanted, evidence, waiver }) => {
      return { id, text, status, wanted, evidence, waiver };
    }),
  });
}
