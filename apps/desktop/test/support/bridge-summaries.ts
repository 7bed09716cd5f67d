import type { BridgeSummary } from '../../src/view-model/bridge-state.ts';

/** What control says of a bridge that runs; `over` says what is otherwise. */
export function bridgeSummary(over: Partial<BridgeSummary> = {}): BridgeSummary {
  return {
    ...{ state: 'running', relays: 3, relays_open: 2, pending: 1_535, dead: 4, jobs_open: 5, lane_live: true },
    as_of: 1_800_000_000_000,
    ...over,
  };
}

/** A control without a bridge. */
export const noBridge: BridgeSummary = {
  ...{ state: 'none', relays: null, relays_open: null, pending: null, dead: null, jobs_open: null, lane_live: null },
  as_of: null,
};

/** A thread that is over, and was said to have been so at `as_of`. */
export const endedBridge = (as_of: number) =>
  bridgeSummary({ state: 'waiting', relays_open: 0, lane_live: false, as_of });
