import { applyBatch, initialState, type StreamState } from '@autopilot/apply-engine';
import type { SyncEvent } from '@autopilot/sync-contract';
import { epoch, streamId } from './events.ts';

/** A stream that is applied in memory and kept nowhere. */
export class Applied {
  #state: StreamState;

  /** @param from Where it begins; by default before the first of the events made here. */
  constructor(from: StreamState = { ...initialState(streamId), epoch }) {
    this.#state = from;
  }

  /** The last event that was applied. */
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
