import { isCodedError } from '@autopilot/sync-contract';
import { CheckpointError } from './errors.ts';
import type { CheckpointStore } from './store.ts';
import { checkLimit } from './validate.ts';

/** What one step of compaction may do, and what it has to keep. */
export interface CompactionOptions {
  /** How many of the last sequences of each stream stay, from 0. They are what a repeated event can be compared with. */
  readonly keep: bigint;
  /** At most so many events are removed in one step: 1 to 10,000. */
  readonly limit: number;
  /** At most so many pages are given back to the file system in one step: 1 to 10,000. */
  readonly pages: number;
}

/** What a step has done. */
export interface CompactionReport {
  readonly removed_events: number;
  readonly freed_pages: number;
  /** Whether another step has something to do. */
  readonly more: boolean;
  /** Streams of which nothing was removed, because what they store does not give their chain. */
  readonly damaged: readonly string[];
}

/**
 * One bounded step of compaction over a whole store: first events of replaced states, then the oldest events of streams
 * that hold more than is kept, then unused pages. Call it again, after a while, as long as there is more.
 *
 * @throws {CheckpointError} `invalid_option`, and what the store throws
 */
export function compact(store: CheckpointStore, { keep, limit, pages }: CompactionOptions): CompactionReport {
  if (keep < 0n) throw new CheckpointError('invalid_option', `keep must be a whole number from 0, not ${keep}.`);
  checkLimit(pages);
  const damaged: string[] = [];
  let left = limit;
  // One call gives one replaced state: there may be several.
  let gone: number;
  do {
    gone = store.discardRetired(left);
    left -= gone;
  } while (gone > 0 && left > 0);
  for (const { stream_id, seq, base_seq } of store.streams()) {
    if (left === 0) break;
    const through = seq - keep;
    if (through > base_seq) left -= trimSound(store, stream_id, through, left, damaged);
  }
  const { freed_pages, free_pages } = store.reclaim(pages);
  return {
    removed_events: limit - left,
    freed_pages,
    more: left === 0 || (freed_pages > 0 && free_pages > 0),
    damaged,
  };
}

/** One damaged stream must not keep the others from being cut; whoever verifies it finds it as it was. */
function trimSound(store: CheckpointStore, id: string, through: bigint, limit: number, damaged: string[]): number {
  try {
    return store.trim(id, { through, limit }).removed;
  } catch (error) {
    if (!isCodedError(error) || error.code !== 'damaged') throw error;
    damaged.push(id);
    return 0;
  }
}
