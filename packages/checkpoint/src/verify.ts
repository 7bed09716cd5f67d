import { type Contiguity, extendChain, hasTruePayloadHash, type SyncEvent } from '@autopilot/sync-contract';
import type { Verification } from './store.ts';

/** What of a stored event counts for its stream. */
export type StoredLink = Pick<SyncEvent, 'seq' | 'kind' | 'payload' | 'payload_hash' | 'idempotency_key'>;

/** A place in a stream and the chain there. */
export interface Place {
  readonly seq: bigint;
  readonly chain: string;
}

/** A stored stream, as far as it is recomputed. */
export interface VerifiedStream extends Place {
  readonly base_seq: bigint;
  readonly base_chain: string;
  readonly contiguity: Contiguity;
}

type Damaged = Extract<Verification, { outcome: 'damaged' }>;

const pageSize = 1_000;

/**
 * Reads all events of a stream, a page at a time, and recomputes what they give.
 *
 * @param read The events beyond a sequence, in rising sequence, at most `limit`.
 */
export function verifyStream(
  stream: VerifiedStream,
  read: (after: bigint, limit: number) => readonly StoredLink[],
): Verification {
  let place: Place = { seq: stream.base_seq, chain: stream.base_chain };
  let events = 0;
  for (let page = read(place.seq, pageSize); page.length > 0; page = read(place.seq, pageSize)) {
    const next = follow(place, page, stream.contiguity);
    if ('outcome' in next) return next;
    place = next;
    events += page.length;
  }
  if (place.seq !== stream.seq) return { outcome: 'damaged', reason: 'missing_event', seq: place.seq + 1n };
  if (place.chain !== stream.chain) return { outcome: 'damaged', reason: 'chain_differs', seq: place.seq };
  return { outcome: 'consistent', events };
}

/** The place after stored events that follow on a place, or what is wrong with them. */
export function follow(from: Place, events: readonly StoredLink[], contiguity: Contiguity): Place | Damaged {
  let { seq, chain } = from;
  for (const event of events) {
    if (contiguity === 'dense' && event.seq !== seq + 1n) {
      return { outcome: 'damaged', reason: 'missing_event', seq: seq + 1n };
    }
    if (!hasTruePayloadHash(event)) return { outcome: 'damaged', reason: 'payload_hash_mismatch', seq: event.seq };
    chain = extendChain(chain, event);
    seq = event.seq;
  }
  return { seq, chain };
}
