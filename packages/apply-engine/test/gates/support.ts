import type { SyncEvent } from '@autopilot/sync-contract';
import {
  applyBatch,
  initialState,
  noResets,
  type ReorderBuffer,
  resetToFloor,
  type StreamState,
} from '../../src/index.ts';
import { chainOf, log, lookupOf, streamId } from '../support.ts';

/** How long the stream of a gate is. */
export const length = 2000;
export const theLog = log(length);
/** Folded over the log, event by event, without the engine. */
export const trueChain = chainOf(theLog);

/** Chance that a seed fixes. */
export function chance(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Events in another order, all of them. */
export function shuffled(events: readonly SyncEvent[], pick: (below: number) => number): SyncEvent[] {
  const out = [...events];
  for (let at = out.length - 1; at > 0; at -= 1) {
    const other = pick(at + 1);
    [out[at], out[other]] = [out[other] as SyncEvent, out[at] as SyncEvent];
  }
  return out;
}

/** A reader as an app builds it: state, buffer and what was applied, where a restart keeps only what was committed. */
export class Reader {
  state: StreamState = initialState(streamId);
  applied: SyncEvent[] = [];
  delivered = 0;
  duplicates = 0;
  conflicts = 0;
  #held: ReorderBuffer = [];

  /** Takes a batch; gives the sequence from which the lane has to read on, if something is missing. */
  take(events: readonly SyncEvent[]): bigint | undefined {
    this.delivered += events.length;
    const result = applyBatch(this.state, events, {
      applied: lookupOf(this.applied),
      held: this.#held,
      reorder_limit: 32,
    });
    this.applied.push(...result.applied);
    this.duplicates += result.duplicates.length;
    this.conflicts += result.conflicts.length;
    ({ next: this.state, held: this.#held } = result);
    return result.gap?.expected;
  }

  /** The process dies: what is held back is gone, the state comes back from its text. */
  restart(): void {
    this.#held = [];
    const text = JSON.stringify(this.state, (_name, value) => (typeof value === 'bigint' ? `${value}n` : value));
    this.state = JSON.parse(text, (_name, value) =>
      typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
    );
  }

  /** Starts at a position that is not the first, as after a stale cursor. */
  startAt(seq: number): void {
    const before = theLog.slice(0, seq);
    const floor = { epoch: theLog[0]?.epoch ?? '', seq: BigInt(seq), chain: chainOf(before) };
    const reset = resetToFloor(this.state, floor, noResets, 0);
    if (reset.outcome !== 'reset') throw new Error('blocked');
    this.state = reset.state;
  }
}
