import type { LaneState } from '@autopilot/sync-contract';
import type { ReplayState } from './desktop-state.ts';

/** Follows one catch-up after another. */
export interface ReplayProgress {
  /** @param missing Events known to be missing when it happened. */
  laneState(state: LaneState, now: number, missing: number): void;
  countApplied(events: number): void;
  /** @param missing Events known to be missing now. @param rate Events per second now. */
  snapshot(missing: number, rate: number): ReplayState;
}

/** Progress of nothing yet. */
export function createReplayProgress(): ReplayProgress {
  let active = false;
  let done = 0;
  let missingAtEnd = 0;
  let startedAt: number | null = null;
  let endedAt: number | null = null;
  return {
    laneState(state, now, missing) {
      if (state === 'replaying' && !active) {
        active = true;
        done = 0;
        startedAt = now;
        endedAt = null;
      } else if (state !== 'replaying' && active) {
        active = false;
        endedAt = now;
        // A replay that was cut keeps what was missing then: it did not reach its end.
        missingAtEnd = state === 'live' ? 0 : missing;
      }
    },
    countApplied(events) {
      if (active) done += events;
    },
    snapshot(missing, rate) {
      return {
        active,
        done,
        // Heads become known one stream after the other, so the total grows at the beginning.
        total: done + (active ? missing : missingAtEnd),
        rate: active ? rate : null,
        started_at: startedAt,
        ended_at: endedAt,
      };
    },
  };
}
