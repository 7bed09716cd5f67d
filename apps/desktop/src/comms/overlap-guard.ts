import type { Clock, LaneSignal, StreamPosition, SyncEvent } from '@autopilot/sync-contract';
import type { AppliedView } from '../sync/applied-view.ts';

/**
 * Stands between the active lane and the apply path until the lane has reached what was applied before it took over:
 * the lane may lag the one before by a few events, and brings them again, or names a head below them, without anything
 * being wrong.
 */
export interface OverlapGuard {
  /** The store is at this position, and the active lane may not be there yet. */
  expect(streamId: string, position: StreamPosition | null): void;
  /** What these streams bring is left out until `release`: they are about to be read again. */
  hold(streamIds: readonly string[]): void;
  release(streamId: string): void;
  forget(streamId: string): void;
  /** The events without those that were applied before, and are the very same. */
  withoutApplied(streamId: string, events: readonly SyncEvent[]): readonly SyncEvent[];
  /** Whether a head is that of a lane which is only a little behind, so that it says nothing yet. */
  hidesHead(streamId: string, epoch: string, head: bigint): boolean;
  /** Where to put a lane that called the position stale because it has not reached it; undefined: it is truly stale. */
  placeAgain(signal: Extract<LaneSignal, { type: 'stale' }>): StreamPosition | undefined;
  /** Whether a reading from `after` would be before its time: the lane is at `end` and reaches `after` by itself. */
  awaits(streamId: string, end: StreamPosition | null, after: StreamPosition | null): boolean;
  /** Events left out because they had been applied. */
  readonly overlap: number;
}

interface Expected {
  readonly position: StreamPosition;
  readonly since: number;
  placings: number;
}

const mostPlacings = 3;

/** A guard that expects nothing. */
export function createOverlapGuard(clock: Clock, applied: AppliedView, patienceMs: number): OverlapGuard {
  const expected = new Map<string, Expected>();
  const held = new Set<string>();
  let overlap = 0;

  const expectation = (streamId: string, epoch: string) => {
    const found = expected.get(streamId);
    return found?.position.epoch === epoch ? found : undefined;
  };
  /** An event with another hash is no repetition: the apply path has to see and refuse it. */
  const isApplied = (streamId: string, event: SyncEvent, upTo: bigint) => {
    if (event.seq > upTo) return false;
    const known = applied.hashAt(streamId, event.epoch, event.seq);
    return known === undefined || known === event.payload_hash;
  };
  return {
    expect(streamId, position) {
      if (position === null || position.seq === 0n) expected.delete(streamId);
      else expected.set(streamId, { position, since: clock.monotonic(), placings: 0 });
    },
    hold(streamIds) {
      for (const streamId of streamIds) held.add(streamId);
    },
    release: (streamId) => void held.delete(streamId),
    forget(streamId) {
      expected.delete(streamId);
      held.delete(streamId);
    },
    withoutApplied(streamId, events) {
      if (held.has(streamId)) return [];
      const found = expected.get(streamId);
      const last = events.at(-1);
      if (found === undefined || last === undefined) return events;
      const { epoch, seq } = found.position;
      if (last.epoch !== epoch || last.seq >= seq) expected.delete(streamId);
      if (last.epoch !== epoch) return events;
      const fresh = events.filter((event) => !isApplied(streamId, event, seq));
      overlap += events.length - fresh.length;
      return fresh;
    },
    hidesHead(streamId, epoch, head) {
      const found = expectation(streamId, epoch);
      return found !== undefined && head < found.position.seq && clock.monotonic() - found.since < patienceMs;
    },
    placeAgain({ stream_id, floor, head }) {
      const found = expectation(stream_id, floor.epoch);
      if (found === undefined || found.placings >= mostPlacings || floor.seq > found.position.seq) return undefined;
      found.placings += 1;
      return head < found.position.seq ? { epoch: floor.epoch, seq: head } : found.position;
    },
    awaits(streamId, end, after) {
      if (after === null || end === null || end.epoch !== after.epoch || end.seq >= after.seq) return false;
      const found = expectation(streamId, after.epoch);
      return found !== undefined && after.seq <= found.position.seq;
    },
    get overlap() {
      return overlap;
    },
  };
}
