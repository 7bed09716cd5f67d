import type { Contiguity } from '@autopilot/sync-contract';
import { CheckpointError } from './errors.ts';
import type { TrimOptions, TrimReport } from './store.ts';
import { follow, type Place, type StoredLink } from './verify.ts';

/** What of a stored stream says where it may be cut. */
export interface TrimmedStream {
  readonly stream_id: string;
  readonly base: Place;
  readonly contiguity: Contiguity;
}

/** Which events go, and where the stream begins after them. */
export interface Cut {
  readonly base: Place;
  readonly report: TrimReport;
}

/**
 * Where a stream begins when its oldest events are gone.
 *
 * @param oldest Its oldest events, one more than the limit where there are as many.
 * @throws {CheckpointError} `damaged` when they do not follow on the base: evidence is not removed.
 */
export function cutOf(stream: TrimmedStream, oldest: readonly StoredLink[], { through, limit }: TrimOptions): Cut {
  const due = oldest.filter((event) => event.seq <= through);
  const removed = due.slice(0, limit);
  const base = follow(stream.base, removed, stream.contiguity);
  if ('outcome' in base) {
    throw new CheckpointError('damaged', `"${stream.stream_id}" is damaged at ${base.seq}: ${base.reason}.`, {
      details: { stream_id: stream.stream_id, reason: base.reason, seq: `${base.seq}` },
    });
  }
  return { base, report: { removed: removed.length, base_seq: base.seq, more: due.length > removed.length } };
}
