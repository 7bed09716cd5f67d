import type { CutoverCommand, TransitionContext } from './command.ts';
import type { CutoverConfig } from './config.ts';
import type { TransitionResult } from './result.ts';
import type { CutoverState } from './state.ts';

/** Applies one command. Pure and total: the same arguments give the same result, and nothing is thrown. */
export function transition(
  _state: CutoverState,
  _command: CutoverCommand,
  _context: TransitionContext,
): TransitionResult {
  throw new Error('not yet');
}

/** When `timeout` is next due, milliseconds since the Unix epoch; null when nothing of the state expires. */
export function nextDue(_state: CutoverState, _config: CutoverConfig): number | null {
  throw new Error('not yet');
}
