import type { StreamPosition } from '@autopilot/sync-contract';
import type { StreamHead } from '../module/pages.ts';
import type { Fanout } from '../module/reducers.ts';
import { StreamMerge } from './merge.ts';
import type { ReplayStart } from './replay.ts';

/** Whether rows wait until they are durable on the host. */
export type ReadMode = 'confirmed' | 'unconfirmed';

/**
 * One followed stream, above any connection: two connections may feed it at once while a token is replaced, and each
 * event is handed over once because the merge is one.
 */
export class StreamRecord {
  readonly stream_id: string;
  readonly readMode: ReadMode;
  readonly merge: StreamMerge;
  /** Raised whenever the owner gives another position; answers to older questions are dropped. */
  generation = 0;
  /** `stale` waits for the owner's rewind; `closed` cannot be read. */
  standing: 'following' | 'stale' | 'closed' = 'following';
  source: Fanout | undefined;
  /** What the host last said by itself of the length. */
  polled: StreamHead | undefined;
  /** Reads in a row that failed or brought nothing although more is known to exist. */
  stalls = 0;
  /** Where the present catching up began; undefined when caught up. */
  replayFrom: ReplayStart | undefined;
  /** Since when, by the wall clock, nothing is handed over because the owner has not said that it is done with the rest. */
  heldSince: number | undefined;
  readonly #window: number;
  /** The owner is done with everything up to here. */
  #applied: bigint;

  /**
   * @param bufferLimit how many live rows may wait for a page.
   * @param window how many events may be handed over that the owner is not done with; undefined for any number.
   */
  constructor(
    streamId: string,
    after: StreamPosition | null,
    options: { readonly readMode: ReadMode; readonly bufferLimit: number; readonly window: number | undefined },
  ) {
    this.stream_id = streamId;
    this.readMode = options.readMode;
    this.#window = options.window ?? Number.POSITIVE_INFINITY;
    this.merge = new StreamMerge(after, options.bufferLimit);
    this.merge.room = this.#window;
    this.#applied = this.merge.position?.seq ?? 0n;
  }

  rewind(after: StreamPosition | null): void {
    this.generation += 1;
    this.standing = 'following';
    this.polled = undefined;
    this.stalls = 0;
    this.replayFrom = undefined;
    this.heldSince = undefined;
    this.merge.reset(after);
    this.merge.room = this.#window;
    this.#applied = this.merge.position?.seq ?? 0n;
  }

  /** The owner is done with everything up to a position. Positions of other epochs and earlier ones say nothing. */
  apply({ epoch, seq }: StreamPosition): void {
    const { position } = this.merge;
    if (position === null || epoch !== position.epoch || seq <= this.#applied) return;
    const upTo = seq < position.seq ? seq : position.seq;
    this.merge.room += Number(upTo - this.#applied);
    this.#applied = upTo;
  }

  /** Events that were handed over and that the owner is not done with; undefined when it does not say. */
  get unapplied(): number | undefined {
    return Number.isFinite(this.#window) ? this.#window - this.merge.room : undefined;
  }

  /** Whether so much has been applied that going on pays: not for one event at a time. */
  get roomy(): boolean {
    return this.merge.room * 2 >= this.#window;
  }

  /** The highest sequence known to exist, polled heads included. */
  get knownHead(): bigint {
    const { polled, merge } = this;
    const same = polled !== undefined && polled.epoch === merge.position?.epoch;
    return same && polled.head > merge.head ? polled.head : merge.head;
  }
}
