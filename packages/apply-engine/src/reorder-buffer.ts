import type { PayloadHash, SyncEvent } from '@autopilot/sync-contract';

/** Events beyond a gap: one epoch, truthful payload hashes, in rising sequence, each sequence once. */
export type ReorderBuffer = readonly SyncEvent[];

/** What became of an event that came too early. */
export type HoldOutcome =
  /** `dropped` is the event that had to leave for it, or the event itself when it was the farthest. */
  | { readonly outcome: 'held'; readonly dropped: SyncEvent | undefined }
  | { readonly outcome: 'duplicate' }
  | { readonly outcome: 'conflict'; readonly known_hash: PayloadHash };

/**
 * Puts an event into its place in `held`, which is changed. Over the limit the farthest event goes: the nearest ones are
 * those that can be applied first.
 */
export function holdBack(held: SyncEvent[], event: SyncEvent, limit: number): HoldOutcome {
  const index = placeOf(held, event.seq);
  const there = held[index];
  if (there !== undefined && there.seq === event.seq) {
    return there.payload_hash === event.payload_hash
      ? { outcome: 'duplicate' }
      : { outcome: 'conflict', known_hash: there.payload_hash };
  }
  held.splice(index, 0, event);
  return { outcome: 'held', dropped: held.length > limit ? held.pop() : undefined };
}

/** The first index of events in rising sequence whose event is not before `seq`. */
export function placeOf(held: readonly SyncEvent[], seq: bigint): number {
  let low = 0;
  let high = held.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const there = held[middle];
    if (there !== undefined && there.seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
