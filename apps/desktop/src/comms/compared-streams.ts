import type { LaneId, SyncEvent } from '@autopilot/sync-contract';
import type { LaneSlot } from './lane-slot.ts';
import type { RouterObserver } from './router-options.ts';

/** Chooses what of both lanes is compared: each event once, and only where both lanes were open for it. */
export interface ComparedStreams {
  /** Both lanes follow the stream now: everything beyond where they are is compared. Nothing happens with one lane. */
  begin(streamId: string, slots: ReadonlyMap<LaneId, LaneSlot>): void;
  /** The lane will bring again what it has brought; that is no repetition of its own. */
  rereads(slot: LaneSlot, streamId: string): void;
  offer(slot: LaneSlot, events: readonly SyncEvent[]): void;
  forget(streamId: string): void;
  /** One of the lanes was closed. */
  reset(): void;
}

interface Compared {
  /** Events at or below it were not seen by both. */
  readonly from: bigint;
  /** What a lane reads for the second time ends here. */
  readonly rereadUntil: Map<LaneId, bigint>;
}

/** Compares nothing yet. */
export function createComparedStreams(observer: RouterObserver | undefined): ComparedStreams {
  const streams = new Map<string, Compared>();
  return {
    begin(streamId, slots) {
      if (observer === undefined || slots.size < 2) return;
      let from = streams.get(streamId)?.from ?? 0n;
      for (const slot of slots.values()) {
        const end = slot.streams.get(streamId)?.span.end?.seq ?? 0n;
        if (end > from) from = end;
      }
      streams.set(streamId, { from, rereadUntil: new Map() });
    },
    rereads(slot, streamId) {
      const end = slot.streams.get(streamId)?.span.end?.seq;
      if (end !== undefined) streams.get(streamId)?.rereadUntil.set(slot.id, end);
    },
    offer(slot, events) {
      const first = events[0];
      if (observer === undefined || first === undefined) return;
      const compared = streams.get(first.stream_id);
      if (compared === undefined) return;
      const reread = compared.rereadUntil.get(slot.id) ?? 0n;
      const last = events.at(-1)?.seq ?? 0n;
      if (last >= reread) compared.rereadUntil.delete(slot.id);
      const fresh = events.filter(({ seq }) => seq > compared.from && seq > reread);
      if (fresh.length > 0) observer.brought(slot.id, fresh);
    },
    forget(streamId) {
      streams.delete(streamId);
    },
    reset() {
      streams.clear();
      observer?.closed();
    },
  };
}
