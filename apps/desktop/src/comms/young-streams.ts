import type { Cancel, LaneSignal, Scheduler } from '@autopilot/sync-contract';
import type { AppliedView } from '../sync/applied-view.ts';

/** Streams that one lane has told of and the other does not have yet: control writes to one after the other. */
export interface YoungStreams {
  /** Whether the stream is asked for again instead of being called closed. */
  askAgain(signal: Extract<LaneSignal, { type: 'stream-closed' }>, ask: () => void): boolean;
  forget(streamId: string): void;
  close(): void;
}

const firstMs = 250;
const mostTries = 5;

/** Knows no stream yet. */
export function createYoungStreams(scheduler: Scheduler, applied: AppliedView): YoungStreams {
  const tries = new Map<string, { count: number; cancel: Cancel }>();
  const forget = (streamId: string) => {
    tries.get(streamId)?.cancel();
    tries.delete(streamId);
  };
  return {
    askAgain({ stream_id, code }, ask) {
      const count = tries.get(stream_id)?.count ?? 0;
      // Of what was never applied nothing can have been taken away.
      if (code !== 'unknown_stream' || count >= mostTries || applied.position(stream_id) !== null) return false;
      tries.get(stream_id)?.cancel();
      tries.set(stream_id, { count: count + 1, cancel: scheduler.after(firstMs * 2 ** count, ask) });
      return true;
    },
    forget,
    close() {
      for (const streamId of [...tries.keys()]) forget(streamId);
    },
  };
}
