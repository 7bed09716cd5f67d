import type { ChainHash } from '@autopilot/sync-contract';
import { ApplyError } from './errors.ts';
import { noEpoch, type StreamState } from './stream-state.ts';

/** A place a stream can start from: the position before the first kept event, and the host's chain there. */
export interface Floor {
  readonly epoch: string;
  readonly seq: bigint;
  readonly chain: ChainHash;
}

/** How many resets a stream may have in a sliding window. */
export interface ResetLimits {
  readonly max_resets: number;
  /** Milliseconds. */
  readonly window_ms: number;
}

/** Three resets in ten minutes: a snapshot that is stale again at once is not cured by a fourth. */
export const defaultResetLimits: ResetLimits = { max_resets: 3, window_ms: 600_000 };

/** Why a stream is not reset any more; each is a code of `applyErrors`. */
export type BlockReason = 'resets_exhausted' | 'floor_behind_watermark' | 'floor_chain_differs';

/** The resets of one stream, as plain data: keep it beside the stream's state. */
export interface ResetHistory {
  /** When resets happened, in milliseconds of the clock that is handed in. Only those of the window are kept. */
  readonly resets: readonly number[];
  /** Set: the stream is blocked until a person has looked at it and its history is put back to {@link noResets}. */
  readonly blocked: { readonly reason: BlockReason; readonly at: number; readonly floor: Floor } | undefined;
}

/** No reset so far. */
export const noResets: ResetHistory = { resets: [], blocked: undefined };

/** What a reset came to. `blocked` leaves the state as it was. */
export type ResetResult =
  | { readonly outcome: 'reset'; readonly state: StreamState; readonly history: ResetHistory }
  | { readonly outcome: 'blocked'; readonly state: StreamState; readonly history: ResetHistory };

/**
 * Moves a stream to a floor: the way on for a stale cursor or another epoch. Pure. Held-back events of the old state
 * are the caller's to let go.
 *
 * In the same epoch a floor only goes forward: one behind the watermark, or with another chain at the watermark, means
 * that the histories differ, and the stream is blocked instead of being cut. A blocked stream stays blocked.
 *
 * @param now A reading of `Clock.monotonic()`, in milliseconds. A reading that is not a number forgets no reset.
 * @throws {ApplyError} `invalid_option` for a floor without an epoch or below 0: no host names such a place.
 */
export function resetToFloor(
  state: StreamState,
  floor: Floor,
  history: ResetHistory,
  now: number,
  limits: ResetLimits = defaultResetLimits,
): ResetResult {
  if (floor.epoch === noEpoch || floor.seq < 0n) {
    throw new ApplyError('invalid_option', `A floor needs an epoch and a sequence from 0, not ${floor.seq}.`);
  }
  if (history.blocked !== undefined) return { outcome: 'blocked', state, history };
  // Written so that NaN keeps a reset in the window and refuses a new one: what is not known is not allowed.
  const resets = history.resets.filter((at) => !(now - at >= limits.window_ms));
  const reason = blockReason(state, floor, resets.length < limits.max_resets);
  if (reason !== undefined)
    return { outcome: 'blocked', state, history: { resets, blocked: { reason, at: now, floor } } };
  const next: StreamState = { stream_id: state.stream_id, epoch: floor.epoch, seq: floor.seq, chain: floor.chain };
  return { outcome: 'reset', state: next, history: { resets: [...resets, now], blocked: undefined } };
}

function blockReason(state: StreamState, floor: Floor, hasBudget: boolean): BlockReason | undefined {
  if (floor.epoch === state.epoch) {
    if (floor.seq < state.seq) return 'floor_behind_watermark';
    if (floor.seq === state.seq && floor.chain !== state.chain) return 'floor_chain_differs';
  }
  return hasBudget ? undefined : 'resets_exhausted';
}
