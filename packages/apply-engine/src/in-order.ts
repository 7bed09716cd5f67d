import { noEpoch } from './stream-state.ts';
import type { SyncEvent } from '@autopilot/sync-contract';

/** The events of one batch in rising sequence; those of one sequence stay in the order in which they came. */
export function inOrder(events: readonly SyncEvent[]): readonly SyncEvent[] {
  return events.toSorted((one, other) => Number(one.seq - other.seq));
}

/** The epoch that a reader without a position takes: that of the first event of its stream that names one. */
export function firstEpoch(streamId: string, events: readonly SyncEvent[]): string | undefined {
  return events.find((event) => event.stream_id === streamId && event.epoch !== noEpoch)?.epoch;
}
