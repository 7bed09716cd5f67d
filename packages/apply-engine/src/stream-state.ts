import { type ChainHash, genesisChain, type PayloadHash, type StreamPosition } from '@autopilot/sync-contract';

/** The epoch of a reader that has no position yet. No host makes it. */
export const noEpoch = '';

/** How far one stream has been applied. Plain data: what a checkpoint store keeps. */
export interface StreamState {
  readonly stream_id: string;
  /** {@link noEpoch} before the first event or floor. */
  readonly epoch: string;
  /** The watermark: every event up to this one has been applied, none beyond it. 0 before the first. */
  readonly seq: bigint;
  /** The chain at `seq`. */
  readonly chain: ChainHash;
  /**
   * Only where gaps are allowed: an event of this place came and could not be taken, so nothing beyond it is applied
   * until a true copy of it is. Not persisted: after a restart the stream is read again from the watermark anyway.
   */
  readonly awaits?: StreamPosition;
}

/**
 * What was applied before, as far as somebody still knows: a recent window or the store. Answers are about the epoch of
 * the state it is used with.
 */
export interface AppliedLookup {
  /** The hash of the event applied at `seq`; undefined when it is not known any more. */
  hashAt(seq: bigint): PayloadHash | undefined;
  /**
   * Every event that was applied beyond this sequence is known, so no hash there means that nothing was applied there.
   * Not set: no hash means only that it is not known.
   */
  readonly complete_after?: bigint | undefined;
  /**
   * The sequence that an idempotency key was applied with; undefined when it is new. Optional because it costs an index
   * read per event: a store that refuses a repeated key lets the caller ask only after such a refusal.
   */
  seqOf?(idempotencyKey: string): bigint | undefined;
}

/** The state of a stream of which nothing has been applied. */
export function initialState(streamId: string): StreamState {
  return { stream_id: streamId, epoch: noEpoch, seq: 0n, chain: genesisChain(streamId) };
}

/** Where a lane must read on; `null` (from the first kept event) for a reader without a position. */
export function positionOf(state: StreamState): StreamPosition | null {
  return state.epoch === noEpoch ? null : { epoch: state.epoch, seq: state.seq };
}
