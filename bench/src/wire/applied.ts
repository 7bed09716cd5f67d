import { applyBatch, initialState, type StreamState } from '@autopilot/apply-engine';
import type { SyncEvent } from '@autopilot/sync-contract';
import { epoch, streamId } from './events.ts';

/** The stream of the events, applied in memory and kept nowhere. */
export class Applied {
  #state: StreamState = { ...initialState(streamId), epoch };

  /** Events that were applied. */
  get rows(): number {
    return Number(this.#state.seq);
  }

  /** The chain after the last of them. */
  get chain(): string {
    return this.#state.chain;
  }

  take(events: readonly SyncEvent[]): void {
    this.#state = applyBatch(this.#state, events).next;
  }
}
