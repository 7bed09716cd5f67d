import type { LaneId, LaneSignal } from '@autopilot/sync-contract';
import { LaneSlot } from './lane-slot.ts';
import type { RouterOptions } from './router-options.ts';

/** The lanes that are open. */
export interface LanePool {
  readonly slots: ReadonlyMap<LaneId, LaneSlot>;
  /** The lane itself, or the one that this build has instead. */
  available(lane: LaneId): LaneId;
  open(lane: LaneId): LaneSlot;
  /** Whether the slot is still the open one of its lane: what an old one says is of no meaning. */
  holds(slot: LaneSlot): boolean;
  /** Closes a lane; the others go on. */
  retire(slot: LaneSlot): void;
  closeAll(): void;
  /** Resolves when no lane that was closed is left running. */
  ended(): Promise<void>;
}

export interface LanePoolOptions extends Pick<RouterOptions, 'open' | 'ports' | 'log'> {
  readonly heard: (slot: LaneSlot, signal: LaneSignal) => void;
  /** What the spacetime lane says of the granted streams. */
  readonly granted: (streamIds: readonly string[]) => void;
}

/** No lane is open yet. */
export function createLanePool({ open, ports, log, heard, granted }: LanePoolOptions): LanePool {
  const slots = new Map<LaneId, LaneSlot>();
  const endings = new Set<Promise<void>>();
  const holds = (slot: LaneSlot) => slots.get(slot.id) === slot;
  return {
    slots,
    available: (lane) => (lane === 'khala' && open.khala === undefined ? 'spacetime' : lane),
    holds,
    open(lane) {
      const opener = lane === 'khala' ? (open.khala ?? open.spacetime) : open.spacetime;
      const slot = new LaneSlot(opener(), ports);
      slots.set(slot.id, slot);
      slot.lane.listen((signal) => heard(slot, signal));
      if (slot.id === 'spacetime') {
        slot.lane.onGranted((streamIds) => {
          if (holds(slot)) granted(streamIds);
        });
      }
      log.info({ lane: slot.id }, 'lane opened');
      return slot;
    },
    retire(slot) {
      if (!holds(slot)) return;
      slots.delete(slot.id);
      log.info({ lane: slot.id }, 'lane closed');
      const ending = slot.lane.close().catch((error: unknown) => {
        log.error({ lane: slot.id, err: error }, 'a lane did not close well');
      });
      endings.add(ending);
      void ending.then(() => endings.delete(ending));
    },
    closeAll() {
      for (const { lane } of slots.values()) endings.add(lane.close());
    },
    ended: async () => void (await Promise.all(endings)),
  };
}
