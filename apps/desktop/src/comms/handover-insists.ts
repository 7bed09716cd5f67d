import type { Decision } from '@autopilot/cutover-flags';
import type { Insistence } from './router-status.ts';

/**
 * What wins over a known difference. Going forward never does: the lane that differs waits. Going back does, when a person
 * or a trigger of control wants it at once: it may be the difference itself that they go back from. In Stage 3 there is
 * nothing to stay on, and a lane that is lost brings nothing any more.
 *
 * @param lost The present lane has given up, or was not live for a long time.
 */
export function insistence(decision: Decision, drain: boolean, lost: boolean): Insistence | undefined {
  if (decision.rule === 'S2.2') return 'emergency';
  if (decision.rule === 'S3.1' || decision.rule === 'S3.2') return 'khala removed';
  if (decision.lane === 'khala' && drain) return 'rollback';
  return lost ? 'lane lost' : undefined;
}
