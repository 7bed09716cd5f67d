import type { LaneId } from '@autopilot/sync-contract';

/** Where a lane is known to hold something else than what was applied. */
export interface LaneDifference {
  readonly lane: LaneId;
  readonly stream_id: string;
  readonly epoch: string;
  readonly seq: bigint;
  /** `event`: another event. `missing`: the lane left it out. `chain`: the lane names another history up to here. */
  readonly what: 'event' | 'missing' | 'chain';
}

const whats: Readonly<Record<LaneDifference['what'], string>> = {
  event: 'another event',
  missing: 'an event left out',
  chain: 'another chain',
};

/** Stream, lane, position, and what is there. */
export function describeDifference({ stream_id, lane, seq, what }: LaneDifference): string {
  return `${stream_id} differs on ${lane} at ${seq} (${whats[what]})`;
}
