import type { StaleReason, StreamPosition, SyncEvent } from '@autopilot/sync-contract';
import type { LiveRow } from '../module/event-rows.ts';
import type { StreamPage } from '../module/pages.ts';

/** What came of live rows. */
export interface LiveOutcome {
  /** Now in order and to be handed over. */
  readonly delivered: readonly SyncEvent[];
  readonly duplicates: number;
  /** So many rows waited that they were dropped: read them again by pages. */
  readonly overflowed: boolean;
  /** A row named another epoch than the position: ask the host which one is true. */
  readonly foreignEpoch: boolean;
}

/** What came of a page. */
export type PageOutcome =
  | {
      readonly type: 'ok';
      readonly delivered: readonly SyncEvent[];
      readonly duplicates: number;
      /** A row that waited named another epoch: ask the host again. */
      readonly foreignEpoch: boolean;
    }
  | {
      readonly type: 'stale';
      readonly reason: StaleReason | 'epoch_changed';
      readonly floor: StreamPosition;
      readonly floor_chain: string;
      readonly head: bigint;
    }
  | { readonly type: 'closed'; readonly code: 'forbidden' | 'unknown_stream' }
  /** The page breaks the contract. */
  | { readonly type: 'broken'; readonly message: string };

/**
 * Makes one stream out of pages and live rows: strictly rising, each sequence once, whatever the order of arrival. There
 * is one rule: while a higher sequence is known to exist than the one handed over, a page has to be read. The rows that
 * wait for it only save reading them twice.
 */
export class StreamMerge {
  /** How many more events may be handed over. What has no room waits like what comes too early. */
  room = Number.POSITIVE_INFINITY;
  readonly #limit: number;
  readonly #held = new Map<bigint, LiveRow>();
  #position: StreamPosition | null;
  #head: bigint;

  /** @param limit how many live rows may wait for a page. */
  constructor(after: StreamPosition | null, limit: number) {
    this.#limit = limit;
    this.#position = known(after);
    this.#head = this.#position?.seq ?? 0n;
  }

  /** The last event that was handed over; null before the epoch is known. */
  get position(): StreamPosition | null {
    return this.#position;
  }

  /** The highest sequence known to exist in the epoch of the position. */
  get head(): bigint {
    return this.#head;
  }

  /** Whether everything that is known to exist was handed over. */
  get complete(): boolean {
    return this.#position !== null && this.#position.seq >= this.#head;
  }

  /** How many rows wait. */
  get held(): number {
    return this.#held.size;
  }

  /** Begins again after another position. */
  reset(after: StreamPosition | null): void {
    this.#held.clear();
    this.#position = known(after);
    this.#head = this.#position?.seq ?? 0n;
  }

  /** Somebody said that this sequence exists in the epoch of the position. */
  noteHead(seq: bigint): void {
    if (this.#position !== null && seq > this.#head) this.#head = seq;
  }

  /** Takes the live rows of one transaction. */
  offerLive(rows: readonly LiveRow[]): LiveOutcome {
    const delivered: SyncEvent[] = [];
    let duplicates = 0;
    let overflowed = false;
    let foreignEpoch = false;
    for (const row of rows) {
      const position = this.#position;
      if (position !== null && row.event.epoch !== position.epoch) {
        foreignEpoch = true;
        continue;
      }
      if (position !== null && row.event.seq <= position.seq) {
        duplicates += 1;
        continue;
      }
      this.noteHead(row.event.seq);
      if (position !== null && row.inline && row.event.seq === position.seq + 1n && this.room > 0) {
        this.#deliver(row.event, delivered);
      } else if (position === null || row.inline) {
        overflowed = this.#hold(row) || overflowed;
      }
    }
    this.#drain(delivered);
    return { delivered, duplicates, overflowed, foreignEpoch };
  }

  /**
   * Takes a page that was asked for after the sequence `asked`, which live rows may have passed since.
   *
   * @param known the highest sequence that was known to exist when it was asked for.
   */
  offerPage(page: StreamPage, asked: bigint, known = asked): PageOutcome {
    if (page.status === 'denied') return { type: 'closed', code: 'forbidden' };
    if (page.status === 'unknown_stream') return { type: 'closed', code: 'unknown_stream' };
    if (page.status === 'epoch_changed') return stale('epoch_changed', page);
    if (page.status === 'retention_floor_breach') return this.#breach(page);
    if (this.#position === null) {
      // The events below the floor are gone, and so is their part of the chain: the owner has to know both.
      if (page.first_kept > 1n) return stale('retention_floor_breach', page);
      this.#position = { epoch: page.epoch, seq: 0n };
    }
    if (page.epoch !== this.#position.epoch) {
      return { type: 'broken', message: `A page of epoch "${page.epoch}" came for "${this.#position.epoch}".` };
    }
    // A host whose log ends before what it had sent has lost events: this is another history under the same name.
    if (page.head < asked) return stale('epoch_changed', page);
    if (page.head < known && this.#head === known) this.#forgetBeyond(page.head);
    this.noteHead(page.head);
    return this.#take(page.events);
  }

  #take(events: readonly SyncEvent[]): PageOutcome {
    const delivered: SyncEvent[] = [];
    let duplicates = 0;
    let previous: bigint | undefined;
    for (const event of events) {
      const last = this.#position?.seq ?? 0n;
      if (previous !== undefined && event.seq !== previous + 1n) {
        return { type: 'broken', message: `In a page, ${event.seq} follows ${previous}.` };
      }
      previous = event.seq;
      if (event.seq > last + 1n) {
        return { type: 'broken', message: `A page begins at ${event.seq}, although ${last} was the last one.` };
      }
      this.noteHead(event.seq);
      if (event.seq <= last) duplicates += 1;
      else if (this.room === 0) break;
      else this.#deliver(event, delivered);
    }
    const live = this.#settle();
    return {
      type: 'ok',
      delivered: live.delivered.length === 0 ? delivered : [...delivered, ...live.delivered],
      duplicates: duplicates + live.duplicates,
      foreignEpoch: live.foreignEpoch,
    };
  }

  /** A reader without a position has nothing that could be too old, unless something was removed. */
  #breach(page: StreamPage): PageOutcome {
    // A page that was asked for earlier: live rows have moved the position into what is kept since then.
    const position = this.#position;
    if (position !== null && position.epoch === page.epoch && position.seq + 1n >= page.first_kept) {
      this.noteHead(page.head);
      return { type: 'ok', delivered: [], duplicates: 0, foreignEpoch: false };
    }
    return stale('retention_floor_breach', page);
  }

  /**
   * What was said to exist before the host was asked, and does not: a bell of another life of the stream names no epoch.
   * No page will ever bring it.
   */
  #forgetBeyond(head: bigint): void {
    const at = this.#position?.seq ?? 0n;
    this.#head = at > head ? at : head;
    for (const seq of this.#held.keys()) if (seq > this.#head) this.#held.delete(seq);
  }

  /** Places the waiting rows again, now that the position has moved. */
  #settle(): LiveOutcome {
    if (this.#held.size === 0) return { delivered: [], duplicates: 0, overflowed: false, foreignEpoch: false };
    const waiting = [...this.#held.values()].sort((a, b) => (a.event.seq < b.event.seq ? -1 : 1));
    this.#held.clear();
    return this.offerLive(waiting);
  }

  #drain(delivered: SyncEvent[]): void {
    if (this.#position === null) return;
    while (this.room > 0) {
      const next = this.#held.get(this.#position.seq + 1n);
      if (next === undefined) return;
      this.#held.delete(next.event.seq);
      this.#deliver(next.event, delivered);
    }
  }

  #deliver(event: SyncEvent, delivered: SyncEvent[]): void {
    this.#position = { epoch: event.epoch, seq: event.seq };
    this.room -= 1;
    delivered.push(event);
  }

  #hold(row: LiveRow): boolean {
    const overflow = this.#held.size >= this.#limit;
    if (overflow) this.#held.clear();
    else this.#held.set(row.event.seq, row);
    return overflow;
  }
}

/** No host makes an empty epoch: on the wire it stands for a reader without a position. */
function known(after: StreamPosition | null): StreamPosition | null {
  return after?.epoch === '' ? null : after;
}

function stale(reason: StaleReason | 'epoch_changed', page: StreamPage): PageOutcome {
  const floor = { epoch: page.epoch, seq: page.first_kept > 0n ? page.first_kept - 1n : 0n };
  return { type: 'stale', reason, floor, floor_chain: page.floor_chain, head: page.head };
}
