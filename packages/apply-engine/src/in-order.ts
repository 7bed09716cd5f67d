import type { SyncEvent } from '@autopilot/sync-contract';
import { noEpoch, type StreamState } from './stream-state.ts';

/**
 * The events of one batch in rising sequence; those of one sequence stay in the order in which they came. Events of
 * another epoch come last: their sequences say nothing beside these.
 */
export function inOrder(epoch: string | undefined, events: readonly SyncEvent[]): readonly SyncEvent[] {
  return events.toSorted((one, other) => {
    const isStranger = Number(one.epoch !== epoch) - Number(other.epoch !== epoch);
    return isStranger !== 0 ? isStranger : compare(one.seq, other.seq);
  });
}

/** The epoch of a state; a reader without a position takes that of the first event it is brought. */
export function epochToRead(state: StreamState, events: readonly SyncEvent[]): string | undefined {
  if (state.epoch !== noEpoch) return state.epoch;
  return events.find((event) => event.stream_id === state.stream_id && event.epoch !== noEpoch)?.epoch;
}

function compare(one: bigint, other: bigint): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
