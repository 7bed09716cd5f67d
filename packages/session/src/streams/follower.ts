import {
  type BackoffPolicy,
  backoffDelay,
  type Cancel,
  type LaneSignal,
  type SyncEvent,
} from '@autopilot/sync-contract';
import type { Outcome } from '../connection.ts';
import type { Environment } from '../environment.ts';
import type { LiveRow } from '../module/event-rows.ts';
import type { PageProcedure, PageRequest, StreamHead, StreamPage } from '../module/pages.ts';
import { createSource, type InboxScope } from '../sources/create-source.ts';
import type { QueryHandlers, SourceHost, StreamSource } from '../sources/source.ts';
import type { BsatnReader } from '../wire/bsatn-reader.ts';
import type { StreamRecord } from './record.ts';

/** What a follower needs of its connection. */
export interface FollowerHost {
  /** Asks for a page; `done` is not called any more once the connection has ended. */
  page(procedure: PageProcedure, request: PageRequest, done: (outcome: Outcome<StreamPage>) => void): void;
  /** Takes the rows of a stream that come to the inbox. Returns how to end it. */
  inbox(streamId: string, rows: (rows: readonly LiveRow[]) => void): () => void;
  /** Subscribes to a query. Returns how to end it. */
  query(query: string, handlers: QueryHandlers): () => void;
  /** For rows; one for all streams of the connection. */
  readonly reader: BsatnReader;
  emit(signal: LaneSignal): void;
  /** Events were handed over: the connection is of use. */
  useful(): void;
  /** Whether the stream is caught up may have changed. */
  changed(): void;
  /** The host goes on writing, but nothing of it is heard over this connection. */
  deaf(message: string): void;
}

/** How a follower reads. */
export interface FollowerOptions {
  readonly pageSize: number;
  readonly backoff: BackoffPolicy;
  readonly inbox: InboxScope;
}

/** So many polls in a row may find what should have been heard, before the connection is given up. */
const mostRepairs = 3;

/** Why a page is asked for. */
type Cause = 'open' | 'gap' | 'head' | 'epoch' | 'unheard' | 'large-row' | 'poll';

/** The ordinary way of live events, and a question without a suspicion: they do not leave `live`. */
const quiet: ReadonlySet<Cause> = new Set(['unheard', 'large-row', 'poll']);

/** Reads one stream over one connection into the merge of its record. At most one page is under way. */
export class Follower {
  readonly #env: Environment;
  readonly #host: FollowerHost;
  readonly #record: StreamRecord;
  readonly #options: FollowerOptions;
  #source: StreamSource;
  #generation: number;
  /** This connection has registered its watch. */
  #watching = false;
  #caughtUp = false;
  /** The first reading is under way, and nothing is known to be missing. */
  #opening = true;
  #inFlight = false;
  #again = false;
  /** A page is to be read as soon as the owner has room for it. */
  #waitsForOwner = false;
  #stopped = false;
  #cancelRetry: Cancel | undefined;
  /** Polls in a row that found what should have been heard. */
  #repairs = 0;
  /** What the last poll said, to be looked at with the next one. */
  #polledHead: bigint | undefined;

  constructor(env: Environment, host: FollowerHost, record: StreamRecord, options: FollowerOptions) {
    this.#env = env;
    this.#host = host;
    this.#record = record;
    this.#options = options;
    this.#generation = record.generation;
    // Until a page says otherwise: only the inbox can bring rows before the first page is there.
    this.#source = createSource('inbox', record.stream_id, options.inbox, this.#sourceHost());
  }

  /** Whether this connection brought the stream to its head and keeps it there. */
  get caughtUp(): boolean {
    return this.#caughtUp;
  }

  /** Whether something is known to be missing, or could not be read. Neither this nor `caughtUp`: just being opened. */
  get behind(): boolean {
    return !this.#caughtUp && !this.#opening;
  }

  /** Whether this connection has read a first page, and is told of what comes. */
  get watching(): boolean {
    return this.#watching;
  }

  start(): void {
    this.#ask();
  }

  /** The record was given another position. */
  restart(): void {
    this.#polledHead = undefined;
    this.#waitsForOwner = false;
    this.#need('open');
  }

  /** The owner is done with more events. */
  applied(): void {
    if (!this.#waitsForOwner || !this.#record.roomy || this.#record.standing !== 'following') return;
    const { merge } = this.#record;
    this.#waitsForOwner = false;
    this.#record.heldSince = undefined;
    // First what waits here already.
    this.#deliver(merge.offerLive([]).delivered, 'rows');
    if (this.#inFlight || this.#cancelRetry !== undefined) return;
    if (!merge.complete || this.#again) this.#ask();
    else this.#settle();
  }

  stop(): void {
    this.#stopped = true;
    this.#caughtUp = false;
    this.#cancelRetry?.();
    this.#source.stop();
  }

  /** What the host says of this stream; undefined when it says that this connection does not watch it. */
  polled(head: StreamHead | undefined): void {
    if (this.#stopped || this.#record.standing !== 'following') return;
    if (head === undefined) {
      this.#watching = false;
      this.#env.counters.watch_repairs += 1;
      this.#need('open');
      return;
    }
    this.#record.polled = head;
    this.#host.emit({ type: 'head', ...head });
    const position = this.#record.merge.position;
    if (position !== null && head.epoch !== position.epoch) {
      this.#need('epoch');
      return;
    }
    const late = this.#polledHead !== undefined && position !== null && this.#polledHead > position.seq;
    this.#polledHead = head.head;
    if (late && this.#caughtUp) {
      this.#env.counters.head_repairs += 1;
      this.#repairs += 1;
      if (this.#repairs < mostRepairs) this.#need('head');
      else this.#host.deaf(`${this.#record.stream_id} grows, but nothing of it is heard on this connection.`);
    }
  }

  /** The host did not say how long its streams are, nor why not: a page tells both. */
  pollFailed(): void {
    if (!this.#stopped && this.#record.standing === 'following') this.#need('poll');
  }

  #sourceHost(): SourceHost {
    return {
      inbox: (rows) => this.#host.inbox(this.#record.stream_id, rows),
      query: (query, handlers) => this.#host.query(query, handlers),
      reader: this.#host.reader,
      heard: (rows) => this.#heard(rows),
      rung: (seq) => this.#rung(seq),
      listening: (unheard) => {
        if (this.#stopped) return;
        if (unheard) this.#need('unheard');
        else this.#settle();
      },
      lost: () => {
        if (!this.#stopped && this.#cancelRetry === undefined) this.#stall();
      },
    };
  }

  /** The rows of one transaction. */
  #heard(rows: readonly LiveRow[]): void {
    if (this.#stopped || this.#record.standing !== 'following') return;
    this.#repairs = 0;
    const { merge } = this.#record;
    const before = merge.position?.seq;
    const outcome = merge.offerLive(rows);
    this.#env.counters.duplicates += outcome.duplicates;
    if (outcome.overflowed) this.#env.counters.buffer_overflows += 1;
    this.#deliver(outcome.delivered, 'rows');
    if (outcome.foreignEpoch) this.#need('epoch');
    if (merge.complete || this.#inFlight) {
      // Rows dropped before the position is known leave no trace in the head, so the page is read once more.
      if (outcome.overflowed) this.#again = true;
      return;
    }
    if (merge.room === 0) {
      this.#hold();
      return;
    }
    const next = (merge.position?.seq ?? before ?? 0n) + 1n;
    const large = rows.some((row) => !row.inline && row.event.seq === next);
    if (!large && this.#caughtUp) this.#env.counters.gaps += 1;
    this.#need(large ? 'large-row' : 'gap');
  }

  #rung(seq: bigint): void {
    if (this.#stopped || this.#record.standing !== 'following') return;
    this.#repairs = 0;
    this.#record.merge.noteHead(seq);
    if (!this.#record.merge.complete && !this.#inFlight) this.#need('unheard');
  }

  #need(cause: Cause): void {
    if (this.#stopped) return;
    if (!quiet.has(cause)) this.#behind();
    if (this.#inFlight) this.#again = true;
    else if (this.#cancelRetry === undefined && !this.#waitsForOwner) this.#ask();
  }

  #behind(): void {
    if (this.behind) return;
    this.#caughtUp = false;
    this.#opening = false;
    this.#host.changed();
  }

  #ask(): void {
    if (this.#stopped) return;
    const record = this.#record;
    // A connection that does not watch yet asks all the same, so that it can take over from another one.
    if (record.merge.room === 0 && this.#watching) {
      this.#hold();
      return;
    }
    const position = record.merge.position;
    const asked = position?.seq ?? 0n;
    const known = record.merge.head;
    if (!this.#caughtUp) record.replayFrom ??= { seq: asked, at_ms: this.#env.ports.clock.monotonic() };
    this.#generation = record.generation;
    this.#inFlight = true;
    this.#again = false;
    const request = {
      stream_id: record.stream_id,
      epoch: position?.epoch ?? '',
      after: asked,
      limit: Math.max(1, Math.min(this.#options.pageSize, record.merge.room)),
    };
    this.#host.page(this.#watching ? 'read_page' : 'open_stream', request, (outcome) => {
      if (this.#stopped || outcome.type === 'lost') return;
      this.#inFlight = false;
      if (outcome.type === 'failed') this.#stall();
      else this.#answer(outcome.value, asked, known);
    });
  }

  /** Nothing more is handed over before the owner is done with what it has. */
  #hold(): void {
    this.#waitsForOwner = true;
    this.#record.heldSince ??= this.#env.ports.clock.now();
    this.#behind();
  }

  #answer(page: StreamPage, asked: bigint, known: bigint): void {
    this.#env.counters.pages_read += 1;
    if (this.#generation !== this.#record.generation) {
      this.#ask();
      return;
    }
    if (this.#record.standing !== 'following') return;
    const outcome = this.#record.merge.offerPage(page, asked, known);
    switch (outcome.type) {
      case 'closed':
        this.#record.standing = 'closed';
        this.stop();
        this.#host.emit({
          type: 'stream-closed',
          stream_id: this.#record.stream_id,
          code: outcome.code,
          message: outcome.code === 'forbidden' ? 'No grant for this stream.' : 'There is no such stream.',
        });
        this.#host.changed();
        return;
      case 'stale': {
        const { type, ...rest } = outcome;
        this.#record.standing = 'stale';
        this.#watching = false;
        this.#behind();
        this.#host.emit({ type, stream_id: this.#record.stream_id, ...rest });
        return;
      }
      case 'broken':
        this.#stall();
        return;
      case 'ok':
        this.#env.counters.duplicates += outcome.duplicates;
        this.#continue(page, asked, outcome.delivered, outcome.foreignEpoch);
    }
  }

  #continue(page: StreamPage, asked: bigint, delivered: readonly SyncEvent[], foreignEpoch: boolean): void {
    const { merge } = this.#record;
    this.#watching = true;
    this.#listenAt(page);
    const again = this.#again || foreignEpoch;
    const progressed = again || merge.room === 0 || (merge.position?.seq ?? 0n) > asked;
    // By what is known to exist, the page's head included, and not by `more`: while a token is replaced, the other
    // connection may have handed over what this page leaves out, and asking on would race with it for ever.
    if (!merge.complete || again) {
      if (page.more && !merge.complete) this.#behind();
      // Asked before the events are handed over, so that the host works while the owner does.
      if (progressed) {
        this.#record.stalls = 0;
        this.#ask();
      } else {
        this.#stall();
      }
    } else {
      this.#record.stalls = 0;
    }
    this.#deliver(delivered, 'page');
    this.#host.emit({
      type: 'head',
      stream_id: this.#record.stream_id,
      epoch: page.epoch,
      head: page.head,
      head_chain: page.head_chain,
    });
    this.#settle();
  }

  /** Every page tells how new events are heard of; a stream may be made anew in another way. */
  #listenAt(page: StreamPage): void {
    const { fanout } = page;
    if (fanout === undefined) return;
    if (this.#source.fanout !== fanout) {
      this.#source.stop();
      this.#source = createSource(fanout, this.#record.stream_id, this.#options.inbox, this.#sourceHost());
    }
    this.#record.source = fanout;
    this.#source.page(page, this.#record.merge.position?.seq ?? 0n);
  }

  #settle(): void {
    if (this.#stopped || this.#caughtUp || this.#inFlight) return;
    if (this.#waitsForOwner || this.#cancelRetry !== undefined) return;
    if (!this.#record.merge.complete || !this.#source.listening) return;
    this.#caughtUp = true;
    this.#opening = false;
    this.#record.replayFrom = undefined;
    this.#host.changed();
  }

  /** A read that failed or brought nothing although there is more: wait, so that no loop is ever tight. */
  #stall(): void {
    this.#env.counters.stalled_reads += 1;
    this.#behind();
    // That may have made another connection take over, and ended this one.
    if (this.#stopped) return;
    const delay = backoffDelay(this.#options.backoff, this.#record.stalls, this.#env.ports.random);
    this.#record.stalls += 1;
    // A page that was under way when its source was lost may fail as well: one wait is enough, the longer one.
    this.#cancelRetry?.();
    this.#cancelRetry = this.#env.after(delay, () => {
      this.#cancelRetry = undefined;
      if (this.#record.standing === 'following' && !this.#inFlight) this.#ask();
    });
  }

  #deliver(events: readonly SyncEvent[], from: 'page' | 'rows'): void {
    if (events.length === 0) return;
    this.#env.counters[from === 'rows' ? 'live_events' : 'replayed_events'] += events.length;
    this.#host.useful();
    this.#host.emit({
      type: 'batch',
      stream_id: this.#record.stream_id,
      events,
      // Who is level with the stream hears of it live, also where a page has to bring what is new.
      source: from === 'rows' || this.#caughtUp ? 'live' : 'replay',
      head: this.#record.knownHead,
    });
    this.#source.moved(this.#record.merge.position?.seq ?? 0n);
  }
}
