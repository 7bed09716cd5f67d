import {
  type Contiguity,
  extendChain,
  hasTruePayloadHash,
  type PayloadHash,
  type SyncEvent,
} from '@autopilot/sync-contract';
import { type ConflictReason, decisionTable, type EventClass } from './decision-table.ts';
import { type AppliedLookup, noEpoch, type StreamState } from './stream-state.ts';

/** What to do with one event. Only `applied` carries a state, because nothing else changes it. */
export type Decision =
  | { readonly outcome: 'applied'; readonly state: StreamState }
  /** Applied before, with the same payload hash. */
  | { readonly outcome: 'duplicate'; readonly seq: bigint }
  /** Events from `expected` to before `received` are missing; the watermark stays. */
  | { readonly outcome: 'gap'; readonly expected: bigint; readonly received: bigint }
  /** At or below the watermark, but what was applied there is not known any more: neither equal nor unequal. */
  | { readonly outcome: 'stale'; readonly seq: bigint }
  /** Must be quarantined and alarmed; the watermark stays. `known_hash` is the hash it disagrees with, if any. */
  | { readonly outcome: 'conflict'; readonly reason: ConflictReason; readonly known_hash: PayloadHash | undefined }
  /** The event belongs to another life of the stream. Positions never compare across epochs, so nothing is clamped. */
  | { readonly outcome: 'snapshot-required'; readonly epoch: string };

/** The highest sequence: what a signed 64-bit integer of a store holds. */
export const highestSeq = 2n ** 63n - 1n;

/** Of what was applied before, nothing is known any more. */
export const nothingKnown: AppliedLookup = { hashAt: () => undefined };

/**
 * Decides about one event. Pure, total and deterministic: it never throws and never changes its arguments; the lookup
 * is only read.
 *
 * @param applied What was applied before. Without it, an event at or below the watermark is always `stale`.
 * @param contiguity Whether the stream has an event at every sequence.
 */
export function decide(
  state: StreamState,
  event: SyncEvent,
  applied: AppliedLookup = nothingKnown,
  contiguity: Contiguity = 'dense',
): Decision {
  const row = decisionTable[classify(state, event, applied, contiguity)];
  switch (row.outcome) {
    case 'applied':
      return { outcome: 'applied', state: advance(state, event) };
    case 'gap':
      return { outcome: 'gap', expected: missingBefore(state, event.epoch, contiguity), received: event.seq };
    case 'conflict': {
      const known_hash = row.reason === 'hash_differs' ? applied.hashAt(event.seq) : undefined;
      return { outcome: 'conflict', reason: row.reason, known_hash };
    }
    case 'snapshot-required':
      return { outcome: 'snapshot-required', epoch: event.epoch };
    default:
      return { outcome: row.outcome, seq: event.seq };
  }
}

/** What an event is to a state. The checks run in this order, and the first that holds names the class. */
export function classify(
  state: StreamState,
  event: SyncEvent,
  applied: AppliedLookup,
  contiguity: Contiguity,
): EventClass {
  if (event.stream_id !== state.stream_id) return 'foreign-stream';
  if (event.seq < 1n || event.seq > highestSeq) return 'invalid-seq';
  // A reader without a position takes the epoch of its first event. An event must name an epoch in any case.
  if (event.epoch === noEpoch || (state.epoch !== noEpoch && event.epoch !== state.epoch)) return 'other-epoch';
  if (event.seq <= state.seq) {
    const known = applied.hashAt(event.seq);
    if (known === undefined) return isKnownAt(event.seq, applied) ? 'passed-over' : 'past-unknown';
    return known === event.payload_hash ? 'past-same' : 'past-other';
  }
  // Before the gap: a damaged event must not sit in a reorder buffer in the place of the true one.
  if (!hasTruePayloadHash(event)) return 'untruthful';
  if (event.seq > missingBefore(state, event.epoch, contiguity)) return 'ahead';
  const keySeq = applied.seqOf?.(event.idempotency_key);
  return keySeq !== undefined && keySeq !== event.seq ? 'key-reused' : 'next';
}

/** The lowest sequence that is missing when something beyond it cannot be applied. */
function missingBefore(state: StreamState, epoch: string, contiguity: Contiguity): bigint {
  if (contiguity === 'dense') return state.seq + 1n;
  return state.awaits?.epoch === epoch ? state.awaits.seq : highestSeq;
}

function isKnownAt(seq: bigint, applied: AppliedLookup): boolean {
  return applied.complete_after !== undefined && seq > applied.complete_after;
}

/** The state after the next event. */
export function advance(state: StreamState, event: SyncEvent): StreamState {
  const { awaits } = state;
  const next = {
    stream_id: state.stream_id,
    epoch: event.epoch,
    seq: event.seq,
    chain: extendChain(state.chain, event),
  };
  const isStillAwaited = awaits !== undefined && awaits.epoch === event.epoch && event.seq < awaits.seq;
  return isStillAwaited ? { ...next, awaits } : next;
}
