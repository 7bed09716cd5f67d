import type { Clock, LaneState } from '@autopilot/sync-contract';

/** What matters of the session on the present lane when the decision is for the other one. */
export interface PresentSession {
  /** It keeps its lane unless it is drained: it has been live, and has not ended since it was to move. */
  readonly keeps: boolean;
  /** The lane has given up, or was not live for a long time. */
  isLost(state: LaneState): boolean;
  /** A lane begins to be the present one, in this state. */
  began(state: LaneState): void;
  /** The lane has changed its state; true when the session on it ended by that. */
  became(to: LaneState): boolean;
  /** The session that kept its lane has ended: the way is free, even if the lane comes back meanwhile. */
  release(): void;
  /** The decision is for the present lane again. */
  settle(): void;
}

const connected: ReadonlySet<LaneState> = new Set<LaneState>(['subscribing', 'replaying', 'live', 'draining']);
/** States that a lane does not leave by itself. */
export const hopeless: ReadonlySet<LaneState> = new Set<LaneState>(['needs-auth', 'failed', 'closed']);

/** No session yet. */
export function createPresentSession(clock: Clock, lostAfterMs: number): PresentSession {
  let established = false;
  let released = false;
  let downSince: number | undefined;
  const note = (state: LaneState) => {
    if (state === 'live') downSince = undefined;
    else downSince ??= clock.monotonic();
  };
  return {
    get keeps() {
      return established && !released;
    },
    isLost: (state) => hopeless.has(state) || (downSince !== undefined && clock.monotonic() - downSince >= lostAfterMs),
    began(state) {
      established = state === 'live';
      released = false;
      downSince = undefined;
      note(state);
    },
    became(to) {
      note(to);
      if (to === 'live') established = true;
      const ended = !connected.has(to);
      if (ended) established = false;
      return ended;
    },
    release() {
      released = true;
    },
    settle() {
      released = false;
    },
  };
}
