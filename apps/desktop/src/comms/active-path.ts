import type { LaneSignal, Ports, StreamPosition } from '@autopilot/sync-contract';
import type { AppliedView } from '../sync/applied-view.ts';
import type { LaneSlot } from './lane-slot.ts';
import { createOverlapGuard, type OverlapGuard } from './overlap-guard.ts';
import { createYoungStreams } from './young-streams.ts';

/** What stands between the active lane and the apply path: it leaves out what only a change of lanes brings about. */
export interface ActivePath {
  readonly guard: OverlapGuard;
  /** The signal as it is told on; undefined when it is not, or when the lane was put to another place instead. */
  pass(slot: LaneSlot, signal: Exclude<LaneSignal, { type: 'state' }>): LaneSignal | undefined;
  /** Whether a reading from `after` is left to the lane: it is on its way there. */
  awaits(slot: LaneSlot, streamId: string, after: StreamPosition | null): boolean;
  forget(streamId: string): void;
  close(): void;
}

export interface ActivePathOptions {
  readonly ports: Ports;
  readonly applied: AppliedView;
  readonly patienceMs: number;
  readonly reread: (slot: LaneSlot, streamId: string, after: StreamPosition | null) => void;
  /** Asks the active lane once more for a stream. */
  readonly ask: (slot: LaneSlot, streamId: string) => void;
}

/** A path over which nothing has come. */
export function createActivePath(options: ActivePathOptions): ActivePath {
  const { ports, applied, reread, ask } = options;
  const guard = createOverlapGuard(ports.clock, applied, options.patienceMs);
  const young = createYoungStreams(ports.scheduler, applied);
  return {
    guard,
    pass(slot, signal) {
      if (signal.type === 'batch') {
        const events = guard.withoutApplied(signal.stream_id, signal.events);
        return events.length > 0 ? { ...signal, events } : undefined;
      }
      if (signal.type === 'head' && guard.hidesHead(signal.stream_id, signal.epoch, signal.head)) return undefined;
      if (signal.type === 'stream-closed' && young.askAgain(signal, () => ask(slot, signal.stream_id)))
        return undefined;
      if (signal.type === 'stale') {
        const again = guard.placeAgain(signal);
        if (again !== undefined) {
          reread(slot, signal.stream_id, again);
          return undefined;
        }
      }
      return signal;
    },
    awaits: (slot, streamId, after) => guard.awaits(streamId, slot.streams.get(streamId)?.span.end ?? null, after),
    forget(streamId) {
      guard.forget(streamId);
      young.forget(streamId);
    },
    close: () => young.close(),
  };
}
