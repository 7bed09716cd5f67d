import type { LaneSignal, StreamPosition } from '@autopilot/sync-contract';
import type { SyncLane } from '../sync/sync-lane.ts';

/** Sees what is asked of a lane and what it says. Nothing that it does reaches whoever uses the lane. */
export interface LaneTap {
  started(): void;
  followed(streamId: string, after: StreamPosition | null): void;
  rewound(streamId: string, after: StreamPosition | null): void;
  unfollowed(streamId: string): void;
  said(signal: LaneSignal): void;
  closing(): void;
}

/** The same lane with a tap. `failed` is told what the tap throws. */
export function tappedLane(lane: SyncLane, tap: LaneTap, failed: (error: unknown) => void): SyncLane {
  const quietly = (tell: () => void) => {
    try {
      tell();
    } catch (error) {
      failed(error);
    }
  };
  lane.listen((signal) => quietly(() => tap.said(signal)));
  return {
    id: lane.id,
    get state() {
      return lane.state;
    },
    start() {
      lane.start();
      quietly(() => tap.started());
    },
    // The tap first: what the lane brings at once is brought from there on.
    follow(streamId, after) {
      quietly(() => tap.followed(streamId, after));
      lane.follow(streamId, after);
    },
    rewind(streamId, after) {
      quietly(() => tap.rewound(streamId, after));
      lane.rewind(streamId, after);
    },
    unfollow(streamId) {
      quietly(() => tap.unfollowed(streamId));
      lane.unfollow(streamId);
    },
    listen: (listener) => lane.listen(listener),
    acknowledge: (ack) => lane.acknowledge(ack),
    onGranted: (listener) => lane.onGranted(listener),
    facts: () => lane.facts(),
    close() {
      quietly(() => tap.closing());
      return lane.close();
    },
  };
}
