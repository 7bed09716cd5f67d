import type { CutoverPolicy } from '../policy/policy.ts';
import type { CutoverConfig } from './config.ts';
import type { CutoverState } from './state.ts';

/** The policy document that a state publishes, to be signed. The same state gives the same document. */
export function policyOf(_state: CutoverState, _config: CutoverConfig): CutoverPolicy {
  throw new Error('not yet');
}
