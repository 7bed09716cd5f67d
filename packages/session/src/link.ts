import { type BackoffPolicy, type Cancel, type LaneSignal, SyncError } from '@autopilot/sync-contract';
import type { Close } from './close-reasons.ts';
import {
  Connection,
  type ConnectionInfo,
  type ConnectionOptions,
  type ConnectionPhase,
  type Outcome,
} from './connection.ts';
import type { Environment } from './environment.ts';
import { SessionError } from './errors.ts';
import {
  decodeLiveRow,
  decodeNotice,
  decodeTransient,
  type LiveRow,
  liveQueries,
  sideQueries,
  type TransientSignal,
} from './module/event-rows.ts';
import {
  decodeHeads,
  decodePage,
  encodePageArgs,
  type PageProcedure,
  type PageRequest,
  type StreamPage,
} from './module/pages.ts';
import { reducers } from './module/reducers.ts';
import { RowBag } from './rows/row-bag.ts';
import type { SubscriptionRecord } from './rows/subscription.ts';
import type { InboxScope } from './sources/create-source.ts';
import type { QueryHandlers } from './sources/source.ts';
import { Follower, type FollowerHost } from './streams/follower.ts';
import type { StreamRecord } from './streams/record.ts';
import type { HeldToken } from './token-source.ts';
import { BsatnReader } from './wire/bsatn-reader.ts';
import type { QuerySetUpdate, TableUpdate } from './wire/server-message.ts';

/** What a link needs of its session. */
export interface LinkHost {
  readonly records: ReadonlyMap<string, StreamRecord>;
  readonly subscriptions: ReadonlySet<SubscriptionRecord>;
  /** Whether this is the link whose rows the owner sees. */
  isPrimary(link: Link): boolean;
  ready(link: Link, info: ConnectionInfo): void;
  subscribed(link: Link): void;
  /** Whether the link is caught up may have changed. */
  progress(link: Link): void;
  useful(link: Link): void;
  emit(signal: LaneSignal): void;
  /** Somebody signals what may be lost. */
  signalled(signal: TransientSignal): void;
  /** The host says that a stream can no longer be read. */
  noticed(streamId: string, notice: string, detail: string): void;
  /** The module says that the token of this link is over. */
  tokenExpired(link: Link): void;
  ended(link: Link, close: Close, phase: ConnectionPhase): void;
}

/** Times and sizes of a link. */
export interface LinkOptions extends ConnectionOptions {
  readonly requestTimeoutMs: number;
  readonly headPollMs: number;
  readonly watchRenewMs: number;
  readonly pageSize: number;
  /** Pages that may be under way at once, over all streams: bounds the memory of a catch-up. */
  readonly maxPagesInFlight: number;
  readonly backoff: BackoffPolicy;
  /** `own`: this connection hears of its own streams only, and carries no calls. */
  readonly inbox: InboxScope;
  /** False: the database runs another module, of which nothing is known. */
  readonly streams: boolean;
}

interface RowSet {
  readonly record: SubscriptionRecord;
  /** Undefined before SubscribeApplied. */
  bag: RowBag | undefined;
}

interface PageTask {
  readonly procedure: PageProcedure;
  readonly request: PageRequest;
  readonly done: (outcome: Outcome<StreamPage>) => void;
}

/** One connection in the service of a session: its followers, query sets and timers. */
export class Link {
  readonly token: HeldToken;
  readonly connection: Connection;
  info: ConnectionInfo | undefined;
  #phase: 'connecting' | 'running' | 'ended' = 'connecting';
  readonly #env: Environment;
  readonly #host: LinkHost;
  readonly #options: LinkOptions;
  readonly #followers = new Map<string, Follower>();
  readonly #rowSets = new Map<number, RowSet>();
  /** Who takes the rows of which stream out of the inbox. */
  readonly #inbox = new Map<string, (rows: readonly LiveRow[]) => void>();
  /** Queries of sources. */
  readonly #queries = new Map<number, QueryHandlers>();
  readonly #reader = new BsatnReader();
  readonly #pageQueue: PageTask[] = [];
  #pagesInFlight = 0;
  #liveSet: number | undefined;
  #polling = false;
  #cancelPoll: Cancel = () => {};
  #cancelRenew: Cancel = () => {};

  constructor(env: Environment, host: LinkHost, token: HeldToken, options: LinkOptions) {
    this.#env = env;
    this.#host = host;
    this.token = token;
    this.#options = options;
    this.connection = new Connection(env, options, {
      ready: (info) => this.#ready(info),
      transaction: (update) => this.#guarded(() => this.#transaction(update)),
      setLost: (querySetId, message) => this.#setLost(querySetId, message),
      ended: (close, phase) => {
        this.#shut();
        host.ended(this, close, phase);
      },
    });
  }

  /** Whether the live queries are applied and calls may go. */
  get running(): boolean {
    return this.#phase === 'running';
  }

  /** Whether this link holds everything that can be held: it may take over. */
  get caughtUp(): boolean {
    if (this.#phase !== 'running') return false;
    for (const set of this.#rowSets.values()) if (set.bag === undefined) return false;
    for (const record of this.#host.records.values()) {
      if (record.standing === 'following' && !this.caughtUpWith(record.stream_id)) return false;
    }
    return true;
  }

  /** Whether its rows are those that the owner sees: then nothing changes for the owner when it takes over. */
  get isLevel(): boolean {
    for (const { record, bag } of this.#rowSets.values()) if (bag !== undefined && !record.isLevel(bag)) return false;
    return true;
  }

  /** Whether a stream is known to have something to catch up. A stream that is just being opened is not. */
  get behind(): boolean {
    for (const record of this.#host.records.values()) {
      if (record.standing === 'following' && this.#followers.get(record.stream_id)?.behind !== false) return true;
    }
    return false;
  }

  /**
   * Whether this link may take over from another one that reads the same streams into the same merges: where that one
   * has not reached the end itself, it is enough to have begun.
   */
  mayReplace(other: Link): boolean {
    if (this.#phase !== 'running') return false;
    for (const set of this.#rowSets.values()) if (set.bag === undefined) return false;
    for (const { standing, stream_id } of this.#host.records.values()) {
      if (standing !== 'following' || this.caughtUpWith(stream_id)) continue;
      if (other.caughtUpWith(stream_id) || this.#followers.get(stream_id)?.watching !== true) return false;
    }
    return true;
  }

  caughtUpWith(streamId: string): boolean {
    return this.#followers.get(streamId)?.caughtUp === true;
  }

  /** Reads a stream that was added. */
  follow(record: StreamRecord): void {
    if (this.#phase !== 'running' || record.standing !== 'following') return;
    const follower = new Follower(this.#env, this.#followerHost(), record, this.#options);
    this.#followers.set(record.stream_id, follower);
    follower.start();
  }

  /** The owner gave a stream another position. */
  rewind(record: StreamRecord): void {
    const follower = this.#followers.get(record.stream_id);
    if (follower === undefined) this.follow(record);
    else follower.restart();
  }

  /** The owner is done with more events of a stream. */
  applied(streamId: string): void {
    this.#followers.get(streamId)?.applied();
  }

  unfollow(streamId: string): void {
    const follower = this.#followers.get(streamId);
    if (follower === undefined) return;
    follower.stop();
    this.#followers.delete(streamId);
    if (!follower.watching) return;
    const { reducer, args } = reducers.unwatch(streamId);
    // Its failure costs nothing but rows that are dropped here, until the lease ends.
    this.connection.callReducer(reducer, args, () => {});
  }

  attach(record: SubscriptionRecord): void {
    if (this.#phase !== 'running' || (record.state !== 'pending' && record.state !== 'applied')) return;
    const set: RowSet = { record, bag: undefined };
    const id = this.connection.subscribe(record.queries, this.#options.requestTimeoutMs, (outcome) => {
      if (outcome.type === 'failed') {
        this.#rowSets.delete(id);
        record.fail(outcome.error);
      } else if (outcome.type === 'ok' && this.#rowSets.get(id) === set) {
        set.bag = new RowBag();
        set.bag.fill(outcome.value);
        if (this.#host.isPrimary(this)) record.adopt(set.bag);
      }
      if (outcome.type !== 'lost') this.#host.progress(this);
    });
    this.#rowSets.set(id, set);
  }

  detach(record: SubscriptionRecord): void {
    for (const [id, set] of this.#rowSets) {
      if (set.record !== record) continue;
      this.#rowSets.delete(id);
      this.connection.unsubscribe(id);
    }
  }

  /** This link is the primary one from now on: the owner sees its rows. */
  adoptRows(): void {
    for (const set of this.#rowSets.values()) if (set.bag !== undefined) set.record.adopt(set.bag);
  }

  /** Asks the host something now, and gives the connection up when nothing at all comes within so many milliseconds. */
  check(milliseconds: number): void {
    if (this.#phase !== 'running') return;
    this.#cancelPoll();
    if (!this.#options.streams) this.#askAnything();
    else if (!this.#polling) this.#poll();
    this.connection.expectFrame(milliseconds);
  }

  /** Gives up the timers, but not the connection. */
  retire(): void {
    this.#cancelPoll();
    this.#cancelRenew();
  }

  #ready(info: ConnectionInfo): void {
    this.info = info;
    this.#host.ready(this, info);
    if (this.#phase === 'ended') return;
    if (!this.#options.streams) {
      this.#run();
      return;
    }
    const queries = this.#options.inbox === 'shared' ? liveQueries : sideQueries;
    this.#liveSet = this.connection.subscribe(queries, this.#options.requestTimeoutMs, (outcome) => {
      if (outcome.type === 'ok') this.#run();
      else if (outcome.type === 'failed') {
        this.connection.close({
          code: 'query_refused',
          message: `The live queries are refused: ${outcome.error.message}`,
        });
      }
    });
  }

  #run(): void {
    this.#phase = 'running';
    for (const record of this.#host.subscriptions) this.attach(record);
    for (const record of this.#host.records.values()) this.follow(record);
    if (this.#options.streams) {
      this.#schedulePoll();
      this.#scheduleRenew();
    } else {
      this.#scheduleAsking();
    }
    this.#host.subscribed(this);
    this.#host.progress(this);
  }

  #shut(): void {
    this.#phase = 'ended';
    this.retire();
    this.#pageQueue.length = 0;
    for (const follower of this.#followers.values()) follower.stop();
    this.#followers.clear();
    for (const { record, bag } of this.#rowSets.values()) record.dropped(bag);
    this.#rowSets.clear();
    this.#queries.clear();
    this.#inbox.clear();
  }

  #transaction(update: readonly QuerySetUpdate[]): void {
    let isWatched = false;
    for (const set of update) {
      const query = this.#queries.get(set.query_set_id);
      const rows = this.#rowSets.get(set.query_set_id);
      if (set.query_set_id === this.#liveSet) this.#live(set.tables);
      else if (query !== undefined) query.changed(set.tables);
      else if (rows?.bag !== undefined) {
        const changes = rows.bag.apply(set.tables);
        if (rows.record.moved(rows.bag, changes)) isWatched = true;
        if (this.#host.isPrimary(this)) rows.record.changed(changes);
      }
    }
    // Between two transactions, not after a frame of them: two connections are level at one of these moments.
    if (isWatched) this.#host.progress(this);
  }

  /** One transaction of the live queries: one batch per stream. */
  #live(tables: readonly TableUpdate[]): void {
    const streams = new Map<string, LiveRow[]>();
    for (const { table, events } of tables) {
      if (table === 'live_inbox') this.#reader.eachRow(events, (reader) => group(streams, decodeLiveRow(reader)));
      else for (const bytes of events) this.#told(table, bytes);
    }
    for (const [streamId, rows] of streams) this.#inbox.get(streamId)?.(rows);
  }

  #told(table: string, bytes: Uint8Array): void {
    if (table === 'stream_notice') {
      const { stream_id, notice, detail } = decodeNotice(bytes);
      this.#host.noticed(stream_id, notice, detail);
    } else if (table === 'transient_signal' && this.#host.isPrimary(this)) {
      this.#host.signalled(decodeTransient(bytes));
    }
  }

  #setLost(querySetId: number, message: string): void {
    const rows = this.#rowSets.get(querySetId);
    if (rows !== undefined) {
      this.#rowSets.delete(querySetId);
      rows.record.fail(new SessionError('subscription_failed', message));
      this.#host.progress(this);
      return;
    }
    const query = this.#queries.get(querySetId);
    if (query !== undefined) {
      this.#queries.delete(querySetId);
      query.lost(message);
    } else if (querySetId === this.#liveSet) {
      this.connection.close({ code: 'subscription_lost', message: `The server dropped a live query: ${message}` });
    }
  }

  #followerHost(): FollowerHost {
    return {
      page: (procedure, request, done) => {
        this.#pageQueue.push({ procedure, request, done });
        this.#pumpPages();
      },
      inbox: (streamId, rows) => {
        this.#inbox.set(streamId, rows);
        return () => {
          if (this.#inbox.get(streamId) === rows) this.#inbox.delete(streamId);
        };
      },
      query: (query, handlers) => this.#query(query, handlers),
      reader: this.#reader,
      emit: (signal) => this.#host.emit(signal),
      useful: () => this.#host.useful(this),
      changed: () => this.#host.progress(this),
      deaf: (message) => this.connection.terminate({ code: 'no_progress', message }),
    };
  }

  #pumpPages(): void {
    while (this.#pagesInFlight < this.#options.maxPagesInFlight) {
      const task = this.#pageQueue.shift();
      if (task === undefined) return;
      this.#pagesInFlight += 1;
      const args = encodePageArgs(task.request);
      this.connection.callProcedure(task.procedure, args, this.#options.requestTimeoutMs, (outcome) => {
        this.#pagesInFlight -= 1;
        if (this.#phase === 'ended') return;
        const page = outcome.type === 'ok' ? readPage(this.#reader, task.request.stream_id, outcome.value) : outcome;
        if (page.type === 'failed' && page.error.code === 'token_expired') this.#host.tokenExpired(this);
        task.done(page);
        this.#pumpPages();
      });
    }
  }

  #query(query: string, handlers: QueryHandlers): () => void {
    const id = this.connection.subscribe([query], this.#options.requestTimeoutMs, (outcome) => {
      if (outcome.type === 'lost' || this.#queries.get(id) !== handlers) return;
      if (outcome.type === 'ok') {
        this.#guarded(() => handlers.applied(outcome.value));
      } else {
        this.#queries.delete(id);
        handlers.lost(outcome.error.message);
      }
    });
    this.#queries.set(id, handlers);
    return () => {
      if (this.#queries.delete(id)) this.connection.unsubscribe(id);
    };
  }

  /** In the place of polls: an idle connection is told from a dead one by any answer. */
  #scheduleAsking(): void {
    this.#cancelPoll = this.#env.after(this.#options.headPollMs, () => this.#askAnything());
  }

  #askAnything(): void {
    // The end of a set that never was: the host refuses it, which changes nothing, needs no table, and is a frame.
    this.connection.unsubscribe(0);
    this.#scheduleAsking();
  }

  #schedulePoll(): void {
    this.#cancelPoll = this.#env.after(this.#options.headPollMs, () => this.#poll());
  }

  #poll(): void {
    if (!this.#host.isPrimary(this)) {
      this.#schedulePoll();
      return;
    }
    // A stream that is opened while the answer is on its way is rightly missing in it.
    const watched = [...this.#followers].filter(([, follower]) => follower.watching);
    this.#polling = true;
    this.connection.callProcedure('read_heads', new Uint8Array(0), this.#options.requestTimeoutMs, (outcome) => {
      this.#polling = false;
      if (outcome.type === 'lost') return;
      if (outcome.type === 'ok') {
        this.#guarded(() => {
          const heads = new Map(decodeHeads(outcome.value).map((head) => [head.stream_id, head]));
          for (const [streamId, follower] of watched) follower.polled(heads.get(streamId));
        });
      } else {
        for (const [, follower] of watched) follower.pollFailed();
      }
      if (this.#phase === 'running') this.#schedulePoll();
    });
  }

  #scheduleRenew(): void {
    this.#cancelRenew = this.#env.after(this.#options.watchRenewMs, () => {
      const { reducer, args } = reducers.renewWatches();
      // Its failure shows in the next poll: a watch that is gone is opened again.
      this.connection.callReducer(reducer, args, () => {});
      this.#scheduleRenew();
    });
  }

  /** Rows that are not what the module's contract says end the connection: nothing can be said of what follows. */
  #guarded(task: () => void): void {
    try {
      task();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.connection.terminate({ code: 'protocol_error', message: `A row could not be read: ${error.message}` });
    }
  }
}

function readPage(reader: BsatnReader, streamId: string, bytes: Uint8Array): Outcome<StreamPage> {
  try {
    return { type: 'ok', value: decodePage(reader, streamId, bytes) };
  } catch (error) {
    if (error instanceof SyncError) return { type: 'failed', error };
    const what = error instanceof Error ? error.message : String(error);
    return { type: 'failed', error: new SessionError('protocol_error', `A page could not be read: ${what}`) };
  }
}

function group(streams: Map<string, LiveRow[]>, row: LiveRow): void {
  const rows = streams.get(row.event.stream_id);
  if (rows === undefined) streams.set(row.event.stream_id, [row]);
  else rows.push(row);
}
