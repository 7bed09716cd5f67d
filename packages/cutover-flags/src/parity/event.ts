import type { SyncEvent } from '@autopilot/sync-contract';

/** The two sides of a comparison. */
export const sides = ['left', 'right'] as const;

/** By convention the lane that is shown is left, its shadow right. */
export type Side = (typeof sides)[number];

/** What of an event is compared. `payload_hash` is taken at its word: the lane or the recording has verified it. */
export type ComparedEvent = Pick<
  SyncEvent,
  'stream_id' | 'epoch' | 'seq' | 'kind' | 'payload' | 'payload_hash' | 'idempotency_key'
>;

/** What two events at one position can differ in. */
export const comparedFields = ['payload_hash', 'kind', 'idempotency_key'] as const;

/** One of them. */
export type ComparedField = (typeof comparedFields)[number];

/** In what two events differ; empty when they are the same. */
export function differingFields(a: ComparedEvent, b: ComparedEvent): readonly ComparedField[] {
  return comparedFields.filter((field) => a[field] !== b[field]);
}

/** The other side. */
export function otherSide(side: Side): Side {
  return side === 'left' ? 'right' : 'left';
}
