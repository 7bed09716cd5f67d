import { type Comparator, createComparator, type ParityWindow, type Side } from '@autopilot/cutover-flags/parity';
import type { Cancel, Lane, LaneId, LaneSignal, LaneState, Ports, StreamPosition } from '@autopilot/sync-contract';
import { createRewindBudget } from '../sync/rewind-budget.ts';
import { isEmpty, parityLimits, parityToleranceMs } from './parity-feed.ts';
import type { LaneTap } from './tapped-lane.ts';

/** Compares two readers of one lane: left is the one that the desktop uses, right one that nothing else hears of. */
export interface NullComparison extends LaneTap {
  takeWindow(): ParityWindow | null;
  report(): ParityWindow;
  close(): void;
}

interface Followed {
  readonly ends: Record<Side, StreamPosition | null>;
  readonly budget: ReturnType<typeof createRewindBudget>;
  /** One of the readers may not read it now. */
  refused: boolean;
}

const up: ReadonlySet<LaneState> = new Set<LaneState>(['replaying', 'live']);
const askAgainMs = 5000;
/** How often in how many milliseconds the second reader is put to where the host can serve it. */
const placings = { limit: 6, windowMs: 60_000 } as const;

/** A comparison that has begun nothing. `second` exists from the time that the first reader is started. */
export function createNullComparison(
  ports: Ports,
  lane: LaneId,
  second: () => Pick<Lane, 'follow' | 'rewind' | 'unfollow'> | undefined,
): NullComparison & { secondSaid(signal: LaneSignal): void } {
  const comparator: Comparator = createComparator({
    ...{
      pair: lane === 'khala' ? 'khala/khala' : 'spacetime/spacetime',
      ports,
      tolerance_ms: parityToleranceMs,
      limits: parityLimits,
    },
  });
  const streams = new Map<string, Followed>();
  const isUp: Record<Side, boolean> = { left: false, right: false };
  let asking: Cancel | undefined;

  /** The reader goes on after `at`; what it brings again up to where it was is no repetition of its own. */
  const place = (side: Side, streamId: string, at: StreamPosition | null) => {
    const followed = streams.get(streamId);
    if (followed !== undefined) followed.ends[side] = at;
    comparator.resume(side, streamId, at);
    if (!isUp[side]) comparator.pause(side);
  };
  const begin = (streamId: string, followed: Followed) => {
    const at = followed.ends.left;
    followed.refused = false;
    place('left', streamId, at);
    place('right', streamId, at);
    second()?.follow(streamId, at);
  };
  const refuse = (streamId: string, followed: Followed) => {
    followed.refused = true;
    comparator.end(streamId);
  };
  const askAgainLater = () => {
    asking ??= ports.scheduler.after(askAgainMs, () => {
      asking = undefined;
      for (const [streamId, followed] of streams) if (followed.refused) begin(streamId, followed);
    });
  };
  const said = (side: Side, signal: LaneSignal) => {
    if (signal.type === 'state') {
      const now = up.has(signal.to);
      if (now === isUp[side]) return;
      isUp[side] = now;
      if (!now) comparator.pause(side);
      else {
        for (const [streamId, { ends, refused }] of streams) if (!refused) place(side, streamId, ends[side]);
      }
      return;
    }
    if (signal.type === 'transient') return;
    const followed = streams.get(signal.stream_id);
    if (followed === undefined) return;
    if (signal.type === 'stream-closed') {
      refuse(signal.stream_id, followed);
      // The first reader is asked again by whoever uses it.
      if (side === 'right') askAgainLater();
    } else if (signal.type === 'batch') {
      const last = signal.events.at(-1);
      if (last !== undefined) followed.ends[side] = { epoch: last.epoch, seq: last.seq };
      if (!followed.refused) for (const event of signal.events) comparator.offer(side, event);
    } else if (signal.type === 'stale' && side === 'right' && !followed.refused) {
      if (followed.budget.take(ports.clock.monotonic())) {
        place('right', signal.stream_id, signal.floor);
        second()?.rewind(signal.stream_id, signal.floor);
      } else {
        refuse(signal.stream_id, followed);
      }
    }
  };
  return {
    started: () => {},
    followed(streamId, after) {
      const known = streams.get(streamId);
      if (known !== undefined && !known.refused) return;
      const budget = known?.budget ?? createRewindBudget(placings.limit, placings.windowMs);
      const followed: Followed = { ends: { left: after, right: after }, budget, refused: false };
      streams.set(streamId, followed);
      begin(streamId, followed);
    },
    rewound(streamId, after) {
      if (streams.get(streamId)?.refused === false) place('left', streamId, after);
    },
    unfollowed(streamId) {
      streams.delete(streamId);
      comparator.end(streamId);
      second()?.unfollow(streamId);
    },
    said: (signal) => said('left', signal),
    secondSaid: (signal) => said('right', signal),
    closing() {
      asking?.();
      asking = undefined;
      for (const streamId of streams.keys()) comparator.end(streamId);
      streams.clear();
      isUp.left = false;
      isUp.right = false;
    },
    takeWindow() {
      const window = comparator.takeWindow();
      return isEmpty(window) ? null : window;
    },
    report: () => comparator.report(),
    close() {
      asking?.();
      comparator.close();
    },
  };
}
