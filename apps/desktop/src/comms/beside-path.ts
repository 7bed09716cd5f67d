import type { Cancel, LaneSignal, Ports } from '@autopilot/sync-contract';
import type { AppliedView } from '../sync/applied-view.ts';
import { askAgainMs, type LaneSlot } from './lane-slot.ts';

/** What the lane beside the active one says: it is put to where it can read, and asked again for what it refused. */
export interface BesidePath {
  heard(slot: LaneSlot, signal: LaneSignal): void;
  close(): void;
}

export interface BesidePathOptions {
  readonly ports: Ports;
  readonly applied: AppliedView;
  /** The lane beside the active one now. */
  readonly beside: () => LaneSlot | undefined;
  /** The stream is compared from where both lanes are now. */
  readonly compare: (streamId: string) => void;
}

/** Nothing was heard. */
export function createBesidePath({ ports, applied, beside, compare }: BesidePathOptions): BesidePath {
  let asking: Cancel | undefined;
  /** A stream that one lane has and the other not yet may only be a moment younger there. */
  const askAgainLater = () => {
    if (asking !== undefined) return;
    asking = ports.scheduler.after(askAgainMs, () => {
      asking = undefined;
      const slot = beside();
      for (const streamId of slot?.dueRefusals(ports.clock.monotonic()) ?? []) {
        slot?.follow(streamId, applied.position(streamId));
        compare(streamId);
      }
      if (slot?.hasRefusals() === true) askAgainLater();
    });
  };
  return {
    heard(slot, signal) {
      if (signal.type === 'stale') {
        slot.replace(signal);
        compare(signal.stream_id);
      }
      if (signal.type === 'stream-closed') askAgainLater();
    },
    close: () => asking?.(),
  };
}
