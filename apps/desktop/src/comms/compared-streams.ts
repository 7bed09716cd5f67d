import type { LaneId, LaneState, StreamPosition, SyncEvent } from '@autopilot/sync-contract';
import type { LaneSlot } from './lane-slot.ts';
import type { RouterObserver } from './router-options.ts';

/** Chooses what of both lanes is compared: each event once, and only where both lanes were open for it. */
export interface ComparedStreams {
  /** Both lanes follow the stream now: everything beyond where they are is compared. Nothing happens with one lane. */
  begin(streamId: string, slots: ReadonlyMap<LaneId, LaneSlot>): void;
  /** The lane will bring again what it has brought; that is no repetition of its own. */
  rereads(slot: LaneSlot, streamId: string): void;
  offer(slot: LaneSlot, events: readonly SyncEvent[]): void;
  /** The lane has changed its state. */
  state(slot: LaneSlot, to: LaneState): void;
  /** The lane says that the stream goes on in another epoch behind `to`. */
  moved(slot: LaneSlot, streamId: string, to: StreamPosition): void;
  forget(streamId: string): void;
  /** Nothing can be read any further from the lane in this stream. */
  abandon(slot: LaneSlot, streamId: string): void;
  /** One of the lanes was closed. */
  reset(): void;
}

interface Compared {
  /** Events at or below it were not seen by both. */
  readonly from: Map<LaneId, bigint>;
  /** What a lane reads for the second time ends here. */
  readonly rereadUntil: Map<LaneId, bigint>;
}

const up: ReadonlySet<LaneState> = new Set<LaneState>(['replaying', 'live']);

/** Compares nothing yet. */
export function createComparedStreams(observer: RouterObserver | undefined): ComparedStreams {
  const streams = new Map<string, Compared>();
  const down = new Set<LaneId>();
  const endOf = (slot: LaneSlot, streamId: string) => slot.streams.get(streamId)?.span.end ?? null;

  const pause = (slot: LaneSlot) => {
    if (down.has(slot.id)) return;
    down.add(slot.id);
    observer?.paused(slot.id);
  };
  return {
    begin(streamId, slots) {
      if (observer === undefined || slots.size < 2) return;
      // What a lane may not read it cannot miss.
      if ([...slots.values()].some((slot) => slot.streams.get(streamId)?.refused !== undefined)) return;
      for (const slot of slots.values()) if (!up.has(slot.state)) pause(slot);
      const before = streams.get(streamId)?.from;
      const ends = [...slots.values()].map((slot) => ({ slot, end: endOf(slot, streamId) }));
      const furthest = furthestOf(ends.map(({ end }) => end));
      const from = new Map<LaneId, bigint>();
      for (const { slot, end } of ends) {
        // Of two epochs nothing can be compared: each lane begins where it is.
        const begin = furthest === undefined ? end : furthest;
        from.set(slot.id, larger(begin?.seq ?? 0n, before?.get(slot.id) ?? 0n));
        observer.begins(slot.id, streamId, begin);
      }
      streams.set(streamId, { from, rereadUntil: new Map() });
    },
    rereads(slot, streamId) {
      const end = endOf(slot, streamId);
      if (end !== null) streams.get(streamId)?.rereadUntil.set(slot.id, end.seq);
    },
    offer(slot, events) {
      const first = events[0];
      if (observer === undefined || first === undefined) return;
      const compared = streams.get(first.stream_id);
      if (compared === undefined) return;
      const from = compared.from.get(slot.id) ?? 0n;
      const reread = compared.rereadUntil.get(slot.id) ?? 0n;
      const last = events.at(-1)?.seq ?? 0n;
      if (last >= reread) compared.rereadUntil.delete(slot.id);
      const fresh = events.filter(({ seq }) => seq > from && seq > reread);
      if (fresh.length > 0) observer.brought(slot.id, fresh);
    },
    state(slot, to) {
      if (observer === undefined || streams.size === 0) return;
      if (!up.has(to)) pause(slot);
      else if (down.delete(slot.id)) {
        for (const streamId of streams.keys()) observer.resumed(slot.id, streamId, endOf(slot, streamId));
      }
    },
    moved(slot, streamId, to) {
      if (streams.has(streamId)) observer?.moved(slot.id, streamId, to);
    },
    abandon(slot, streamId) {
      if (streams.delete(streamId)) observer?.abandoned(slot.id, streamId);
    },
    forget(streamId) {
      if (streams.delete(streamId)) observer?.ended(streamId);
    },
    reset() {
      for (const streamId of streams.keys()) observer?.ended(streamId);
      streams.clear();
      down.clear();
    },
  };
}

/** The position that is furthest on; null for the beginning, undefined when the positions are of two epochs. */
function furthestOf(ends: readonly (StreamPosition | null)[]): StreamPosition | null | undefined {
  let furthest: StreamPosition | null = null;
  for (const end of ends) {
    if (end === null) continue;
    if (furthest !== null && furthest.epoch !== end.epoch) return undefined;
    if (furthest === null || end.seq > furthest.seq) furthest = end;
  }
  return furthest;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
