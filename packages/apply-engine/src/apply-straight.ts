import type { SyncEvent } from '@autopilot/sync-contract';
import { advance, classify, nothingKnown } from './decide.ts';
import type { StreamState } from './stream-state.ts';

/**
 * Applies events as long as each is the next one of a dense stream, with nothing held back and no keys to be looked up:
 * then no decision needs to know what was applied before. Says how many were, and the state after them.
 */
export function applyStraight(
  state: StreamState,
  events: readonly SyncEvent[],
): { readonly count: number; readonly state: StreamState } {
  let reached = state;
  let count = 0;
  for (const event of events) {
    // As `decide` does it, without an object for what was decided.
    if (classify(reached, event, nothingKnown, 'dense') !== 'next') break;
    reached = advance(reached, event);
    count += 1;
  }
  return { count, state: reached };
}
