import { type ChainHash, extendChain, genesisChain } from '@autopilot/sync-contract';
import type { ComparedEvent } from './event.ts';

interface Pair {
  readonly left: ComparedEvent;
  readonly right: ComparedEvent;
}

/**
 * The chains of both sides over the positions that were compared, in the order of the sequence. Each is hashed on its
 * own, so that their equality is a measurement. Where comparison began at 0 and skipped nothing, they are the chain that
 * the host of the stream keeps.
 */
export class ChainPair {
  left: ChainHash;
  right: ChainHash;
  compared = 0;
  /** Everything up to here is settled. */
  low: number;
  readonly after: number;
  readonly #most: number;
  /** What was settled above `low`, and when; a pair of null is a position that is not part of the chains. */
  readonly #ahead = new Map<number, { readonly pair: Pair | null; readonly at: number }>();

  /** `most` positions may wait for lower ones; then what is not settled is left out of the chains. */
  constructor(streamId: string, after: number, most: number) {
    this.#most = most;
    this.left = genesisChain(streamId);
    this.right = this.left;
    this.after = after;
    this.low = after;
  }

  settle(position: number, pair: Pair | null, at: number): void {
    if (position <= this.low) return;
    if (position === this.low + 1) {
      this.#step(position, pair);
      return;
    }
    this.#ahead.set(position, { pair, at });
    if (this.#ahead.size > this.#most) this.low = (this.lowestAhead()?.position ?? position) - 1;
  }

  /** Goes on as far as everything is settled. `passed` gives the last position from one on that needs no more waiting. */
  advance(passed: (position: number) => number | undefined): void {
    for (;;) {
      const next = this.low + 1;
      const ahead = this.#ahead.size === 0 ? undefined : this.#ahead.get(next);
      if (ahead !== undefined) {
        this.#ahead.delete(next);
        this.#step(next, ahead.pair);
      } else {
        const end = passed(next);
        if (end === undefined) return;
        this.low = end;
        if (end > next) for (const position of this.#ahead.keys()) if (position <= end) this.#ahead.delete(position);
      }
    }
  }

  /** The lowest position that waits for lower ones. */
  lowestAhead(): { readonly position: number; readonly at: number } | null {
    if (this.#ahead.size === 0) return null;
    let position = Number.POSITIVE_INFINITY;
    for (const other of this.#ahead.keys()) if (other < position) position = other;
    return { position, at: this.#ahead.get(position)?.at ?? Number.POSITIVE_INFINITY };
  }

  #step(position: number, pair: Pair | null): void {
    this.low = position;
    if (pair === null) return;
    this.left = extendChain(this.left, pair.left);
    this.right = extendChain(this.right, pair.right);
    this.compared += 1;
  }
}
