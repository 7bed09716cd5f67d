import type { StreamPosition } from '@autopilot/sync-contract';
import type { StreamHead } from '../module/pages.ts';
import type { Fanout } from '../module/reducers.ts';
import { StreamMerge } from './merge.ts';

/**
 * One followed stream, above any connection: two connections may feed it at once while a token is replaced, and each
 * event is handed over once because the merge is one.
 */
export class StreamRecord {
  readonly stream_id: string;
  readonly merge: StreamMerge;
  /** Raised whenever the owner gives another position; answers to older questions are dropped. */
  generation = 0;
  /** `stale` waits for the owner's rewind; `closed` cannot be read. */
  standing: 'following' | 'stale' | 'closed' = 'following';
  source: Fanout | undefined;
  /** What the host last said by itself of the length. */
  polled: StreamHead | undefined;
  /** Where the present catching up began; undefined when caught up. */
  replayFrom: bigint | undefined;

  constructor(streamId: string, after: StreamPosition | null, bufferLimit: number) {
    this.stream_id = streamId;
    this.merge = new StreamMerge(after, bufferLimit);
  }

  rewind(after: StreamPosition | null): void {
    this.generation += 1;
    this.standing = 'following';
    this.polled = undefined;
    this.merge.reset(after);
  }

  /** The highest sequence known to exist, polled heads included. */
  get knownHead(): bigint {
    const { polled, merge } = this;
    const same = polled !== undefined && polled.epoch === merge.position?.epoch;
    return same && polled.head > merge.head ? polled.head : merge.head;
  }
}
