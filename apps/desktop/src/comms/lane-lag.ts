import type { LaneSlot } from './lane-slot.ts';

/**
 * Events known to exist on any open lane that this one has not brought, over all streams; null when one of them is not
 * known, or the lane is not connected: a sum of some would look better than it is.
 */
export function lagOf(slot: LaneSlot, open: Iterable<LaneSlot>, streams: Iterable<string>): bigint | null {
  if (slot.state !== 'live' && slot.state !== 'replaying') return null;
  const lanes = [...open];
  let lag = 0n;
  for (const streamId of streams) {
    const own = slot.streams.get(streamId);
    if (own === undefined || own.refused !== undefined) continue;
    const { end } = own.span;
    let head: bigint | undefined;
    for (const lane of lanes) {
      const said = lane.streams.get(streamId)?.head;
      if (said === undefined || (end !== null && said.epoch !== end.epoch)) continue;
      if (head === undefined || said.head > head) head = said.head;
    }
    if (head === undefined) return null;
    const at = end?.seq ?? 0n;
    if (head > at) lag += head - at;
  }
  return lag;
}
