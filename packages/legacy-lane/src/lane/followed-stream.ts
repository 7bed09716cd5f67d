import {
  type BackoffPolicy,
  backoffDelay,
  type Cancel,
  genesisChain,
  type LaneSignal,
  type StreamPosition,
  type SyncEvent,
} from '@autopilot/sync-contract';
import type { WorkerPage } from '../http/worker-api.ts';
import { isUnusable, syncEventOf } from '../wire/worker-event.ts';
import type { Environment } from './environment.ts';
import { unknownChain } from './unknown-chain.ts';

/** What a stream needs of its lane. */
export interface StreamHost {
  /** Reads after a cursor; `done` is a turn of its own. The result takes the read back. */
  read(workerId: string, cursor: bigint, done: (page: WorkerPage) => void): Cancel;
  /** Finds what is still kept: the lowest cursor that is served. */
  floor(workerId: string, staleAt: bigint, done: (floor: bigint | undefined, head: bigint | undefined) => void): Cancel;
  emit(signal: LaneSignal, stream: FollowedStream, generation: number): void;
  /** It became level, or is level no more, or stands otherwise. */
  changed(): void;
  /** Events were handed over. */
  useful(): void;
  /** The topic does not bring what the worker has: its cursor, or its connection, is not to be trusted. */
  missed(seq: bigint): void;
}

/** How often one place of a stream is read before it is given up. */
const mostTries = 3;

/**
 * One followed worker, over all connections: makes a dense sequence out of what the topic brings and of HTTP pages. One
 * rule: while khala is known to have more than was handed over, the stream is read over HTTP; what the topic brings in
 * order is handed over at once.
 */
export class FollowedStream {
  readonly id: string;
  readonly workerId: string;
  readonly #env: Environment;
  readonly #host: StreamHost;
  readonly #backoff: BackoffPolicy;
  readonly #limit: number;
  readonly #held = new Map<bigint, SyncEvent>();
  #position: StreamPosition | null;
  /** How long khala said that the stream is, on this connection. */
  #head: bigint | undefined;
  #standing: 'following' | 'stale' | 'closed' = 'following';
  #generation = 0;
  #online = false;
  /** Whether it was read since it was attached or rewound. */
  #checked = false;
  #again = false;
  #stalls = 0;
  #triedAt: bigint | undefined;
  #tries = 0;
  /** The highest sequence that the topic has named on this connection. */
  #pushed = 0n;
  #polling = false;
  /** Found by a poll before the topic brought it: due until the next poll. */
  #due: bigint | undefined;
  /** The lowest watermark of the topic that brought something which was not handed over. */
  #pendingFrom: bigint | undefined;
  /** Handed over and not told yet: all of one message go in one batch. */
  #fresh: SyncEvent[] = [];
  #freshSource: 'replay' | 'live' = 'replay';
  #cancelRead: Cancel | undefined;
  #cancelRetry: Cancel | undefined;

  constructor(
    env: Environment,
    host: StreamHost,
    names: { readonly id: string; readonly workerId: string },
    after: StreamPosition | null,
    settings: { readonly backoff: BackoffPolicy; readonly liveBuffer: number },
  ) {
    this.#env = env;
    this.#host = host;
    this.id = names.id;
    this.workerId = names.workerId;
    this.#backoff = settings.backoff;
    this.#limit = settings.liveBuffer;
    this.#position = known(after);
  }

  get position(): StreamPosition | null {
    return this.#position;
  }

  get head(): bigint | undefined {
    return this.#head;
  }

  get standing(): 'following' | 'stale' | 'closed' {
    return this.#standing;
  }

  get generation(): number {
    return this.#generation;
  }

  get pendingFrom(): bigint | undefined {
    return this.#pendingFrom;
  }

  /** Level: read on this connection, and exactly as far as khala is. A closed stream holds nobody up. */
  get level(): boolean {
    if (this.#standing === 'closed') return true;
    return this.#online && this.#standing === 'following' && this.#checked && this.#head === this.#seq;
  }

  /** Ahead of khala: applied by the other lane, not here yet. */
  get ahead(): boolean {
    return this.#checked && this.#head !== undefined && this.#seq > this.#head;
  }

  get #seq(): bigint {
    return this.#position?.seq ?? 0n;
  }

  /** The subscription stands: from now on nothing is missed, so what is there can be read. */
  attach(): void {
    this.#online = true;
    this.#pushed = 0n;
    this.#due = undefined;
    if (this.#standing === 'following') this.need();
  }

  /** The connection is gone, and with it what khala said. */
  detach(): void {
    this.#online = false;
    this.#checked = false;
    this.#head = undefined;
    this.#stop();
  }

  /** Looks whether khala has more than the topic brought: a connection may look well and bring nothing. */
  poll(): void {
    if (!this.#online || !this.#checked || this.#standing !== 'following') return;
    const due = this.#due;
    this.#due = undefined;
    if (due !== undefined && due > this.#pushed) {
      this.#host.missed(due);
      return;
    }
    if (this.#cancelRead !== undefined || this.#cancelRetry !== undefined) return;
    this.#polling = true;
    this.#read(this.#seq);
  }

  rewind(after: StreamPosition | null): void {
    this.#generation += 1;
    this.#stop();
    this.#held.clear();
    this.#fresh = [];
    this.#position = known(after);
    this.#standing = 'following';
    this.#checked = false;
    this.#triedAt = undefined;
    this.#host.changed();
    if (this.#online) this.need();
  }

  /** Nobody listens any more. */
  leave(): void {
    this.#generation += 1;
    this.#standing = 'closed';
    this.#stop();
    this.#held.clear();
    this.#fresh = [];
  }

  /**
   * Takes an event that the topic brought.
   *
   * @returns what it was; undefined while the stream takes nothing.
   */
  offer(event: SyncEvent, watermark: bigint): 'delivered' | 'duplicate' | 'gap' | undefined {
    if (this.#standing === 'closed') return undefined;
    const wasLevel = this.level;
    this.#notePushed(event.seq);
    if (this.#standing === 'stale') {
      this.#pending(watermark);
      return undefined;
    }
    if (event.seq <= this.#seq) {
      if (this.#standing === 'following' && event.seq === this.#seq && event.epoch !== this.#position?.epoch) {
        this.#epochChanged(event, 0n);
      }
      this.#host.changed();
      return 'duplicate';
    }
    if (event.seq > this.#seq + 1n) {
      this.#pending(watermark);
      this.#hold(event);
      this.need();
      this.#host.changed();
      return 'gap';
    }
    if (this.#isForeign(event)) {
      this.#pending(watermark);
      this.#epochChanged(event, event.seq - 1n);
      return 'gap';
    }
    this.#deliver([event], wasLevel ? 'live' : 'replay');
    return 'delivered';
  }

  /** The topic named an event without bringing it. */
  noteMissing(seq: bigint, watermark: bigint): void {
    if (this.#standing === 'closed') return;
    this.#notePushed(seq);
    if (seq <= this.#seq) return;
    this.#pending(watermark);
    this.need();
    this.#host.changed();
  }

  /** Reads over HTTP, now or as soon as what is under way has ended. */
  need(): void {
    if (!this.#online || this.#standing !== 'following' || this.#cancelRetry !== undefined) return;
    if (this.#cancelRead !== undefined) this.#again = true;
    else this.#read(this.#checked ? this.#seq : this.#overlap);
  }

  /** One event before the position: its epoch tells whether this is still the same stream. */
  get #overlap(): bigint {
    return this.#seq > 0n ? this.#seq - 1n : 0n;
  }

  #read(cursor: bigint): void {
    this.#again = false;
    this.#cancelRead = this.#host.read(this.workerId, cursor, (page) => {
      this.#cancelRead = undefined;
      this.#take(page, cursor);
      this.flush();
    });
  }

  #take(page: WorkerPage, cursor: bigint): void {
    switch (page.type) {
      case 'closed':
        this.#close(page.code, page.message);
        return;
      case 'stale':
        // What is needed may be there still, only the one before it is not.
        if (cursor < this.#seq) this.#read(this.#seq);
        else this.#findFloor(cursor, page.floor);
        return;
      case 'failed':
        this.#stall(page.retry_after_ms);
        return;
      case 'refused':
        // The lane is about to give up the connection.
        return;
      case 'page':
        this.#env.counters.pages_read += 1;
        this.#apply(page, cursor);
    }
  }

  #apply(page: Extract<WorkerPage, { type: 'page' }>, cursor: bigint): void {
    const generation = this.#generation;
    const before = this.#seq;
    this.#noteHead(page.latest);
    const fresh: SyncEvent[] = [];
    let last = this.#seq;
    let epoch = this.#position?.epoch;
    for (const raw of page.events) {
      const event = isUnusable(raw) ? raw : syncEventOf(raw);
      if (isUnusable(event)) {
        this.#deliver(fresh, 'replay');
        this.#env.count(this.#env.counters.decode_errors, event.code);
        this.#giveUpAfter(last + 1n, () =>
          this.#close('invalid_request', `Event ${last + 1n} of khala cannot be used: ${event.code} at ${event.path}.`),
        );
        return;
      }
      if (event.seq === this.#seq && epoch !== undefined && event.epoch !== epoch) {
        this.#epochChanged(event, 0n);
        return;
      }
      if (event.seq <= last) continue;
      if (event.seq > last + 1n) {
        this.#deliver(fresh, 'replay');
        const floor = event.seq - 1n;
        this.#giveUpAfter(last + 1n, () => {
          this.#env.counters.holes += 1;
          this.#stale('retention_floor_breach', { epoch: event.epoch, seq: floor });
        });
        return;
      }
      if (epoch !== undefined && event.epoch !== epoch) {
        this.#deliver(fresh, 'replay');
        this.#epochChanged(event, event.seq - 1n);
        return;
      }
      epoch = event.epoch;
      last = event.seq;
      fresh.push(event);
    }
    this.#deliver(fresh, 'replay');
    if (generation !== this.#generation || this.#standing !== 'following') return;
    this.#goOn(cursor, this.#seq > before);
  }

  #goOn(cursor: bigint, progressed: boolean): void {
    const head = this.#head ?? 0n;
    if (progressed) this.#stalls = 0;
    if (this.#polling && progressed) this.#due = this.#seq;
    this.#polling = false;
    if (this.#seq > head && head > 0n && cursor >= head) {
      // Ahead of khala: the last event it has tells whether this is still the same stream.
      this.#read(head - 1n);
      return;
    }
    if (this.#seq < head) {
      if (progressed) this.#read(this.#seq);
      else this.#stall(0);
      return;
    }
    this.#checked = true;
    this.#stalls = 0;
    this.#triedAt = undefined;
    const epoch = this.#position?.epoch;
    if (epoch !== undefined) {
      this.#emit({ type: 'head', stream_id: this.id, epoch, head });
    }
    if (this.#again) this.#read(this.#seq);
    this.#host.changed();
  }

  /** Reads one place again, a bounded number of times. */
  #giveUpAfter(seq: bigint, giveUp: () => void): void {
    if (this.#standing !== 'following') return;
    this.#tries = this.#triedAt === seq ? this.#tries + 1 : 1;
    this.#triedAt = seq;
    if (this.#tries >= mostTries) giveUp();
    else this.#stall(0);
  }

  #stall(atLeastMs: number): void {
    this.#env.counters.stalled_reads += 1;
    const delay = backoffDelay(this.#backoff, this.#stalls, this.#env.random, atLeastMs);
    this.#stalls += 1;
    this.#host.changed();
    this.#cancelRetry = this.#env.after(delay, () => {
      this.#cancelRetry = undefined;
      this.need();
    });
  }

  #findFloor(staleAt: bigint, told: bigint | undefined): void {
    const found = (floor: bigint, head: bigint | undefined): void => {
      if (head !== undefined) this.#noteHead(head);
      this.#learnEpoch(floor);
    };
    if (told !== undefined && told > staleAt) {
      found(told, undefined);
      return;
    }
    this.#cancelRead = this.#host.floor(this.workerId, staleAt, (floor, head) => {
      this.#cancelRead = undefined;
      if (floor === undefined) this.#stall(0);
      else found(floor, head);
    });
  }

  /** The first event that is kept names the epoch of the floor. */
  #learnEpoch(floor: bigint): void {
    this.#cancelRead = this.#host.read(this.workerId, floor, (page) => {
      this.#cancelRead = undefined;
      if (page.type !== 'page') {
        if (page.type === 'stale') this.#stall(0);
        else this.#take(page, floor);
        return;
      }
      this.#noteHead(page.latest);
      const [raw] = page.events;
      const event = raw === undefined || isUnusable(raw) ? undefined : syncEventOf(raw);
      const epoch = event === undefined || isUnusable(event) ? this.#position?.epoch : event.epoch;
      if (epoch === undefined) this.#stall(0);
      else this.#stale('retention_floor_breach', { epoch, seq: floor });
    });
  }

  #epochChanged(event: SyncEvent, floor: bigint): void {
    this.#stale('epoch_changed', { epoch: event.epoch, seq: floor });
  }

  #stale(reason: 'retention_floor_breach' | 'epoch_changed', floor: StreamPosition): void {
    this.#stop();
    this.#standing = 'stale';
    this.#held.clear();
    const floor_chain = floor.seq === 0n ? genesisChain(this.id) : unknownChain(floor);
    const head = this.#head ?? floor.seq;
    this.#emit({ type: 'stale', stream_id: this.id, reason, floor, floor_chain, head });
    this.#host.changed();
  }

  #close(code: 'forbidden' | 'unknown_stream' | 'invalid_request', message: string): void {
    this.#stop();
    this.#standing = 'closed';
    this.#held.clear();
    this.#pendingFrom = undefined;
    this.#emit({ type: 'stream-closed', stream_id: this.id, code, message });
    this.#host.changed();
  }

  #isForeign(event: SyncEvent): boolean {
    return this.#position !== null && event.epoch !== this.#position.epoch;
  }

  /** Hands over events that follow the position, and what waited for them. */
  #deliver(events: SyncEvent[], source: 'replay' | 'live'): void {
    let last = events.at(-1) ?? undefined;
    const before = this.#seq;
    if (last !== undefined) this.#position = { epoch: last.epoch, seq: last.seq };
    for (let next = this.#held.get(this.#seq + 1n); next !== undefined; next = this.#held.get(this.#seq + 1n)) {
      // One of another epoch is read over HTTP, which tells which is true.
      if (this.#isForeign(next)) break;
      events.push(next);
      last = next;
      this.#position = { epoch: next.epoch, seq: next.seq };
    }
    for (const seq of this.#held.keys()) if (seq <= this.#seq) this.#held.delete(seq);
    if (this.#seq === before || last === undefined) return;
    this.#noteHead(this.#seq);
    if (this.#head === this.#seq) this.#pendingFrom = undefined;
    this.#env.counters[source === 'live' ? 'live_events' : 'replayed_events'] += events.length;
    this.#host.useful();
    if (this.#fresh.length > 0 && this.#freshSource !== source) this.flush();
    this.#freshSource = source;
    this.#fresh.push(...events);
    this.#host.changed();
  }

  /** Tells of what was handed over since the last time, as one batch. */
  flush(): void {
    if (this.#fresh.length === 0) return;
    const events = this.#fresh;
    this.#fresh = [];
    const head = this.#head ?? this.#seq;
    this.#host.emit(
      { type: 'batch', stream_id: this.id, events, source: this.#freshSource, head },
      this,
      this.#generation,
    );
  }

  #hold(event: SyncEvent): void {
    if (this.#held.size >= this.#limit) {
      this.#env.counters.buffer_overflows += 1;
      this.#held.clear();
    }
    this.#held.set(event.seq, event);
  }

  #pending(watermark: bigint): void {
    if (this.#pendingFrom === undefined || watermark < this.#pendingFrom) this.#pendingFrom = watermark;
  }

  #notePushed(seq: bigint): void {
    if (seq > this.#pushed) this.#pushed = seq;
    this.#noteHead(seq);
  }

  #noteHead(seq: bigint): void {
    if (this.#head === undefined || seq > this.#head) this.#head = seq;
  }

  #emit(signal: LaneSignal): void {
    this.flush();
    this.#host.emit(signal, this, this.#generation);
  }

  #stop(): void {
    this.#cancelRead?.();
    this.#cancelRetry?.();
    this.#cancelRead = undefined;
    this.#cancelRetry = undefined;
    this.#again = false;
    this.#polling = false;
    this.#stalls = 0;
  }
}

/** An empty epoch stands for a reader without a position. */
function known(after: StreamPosition | null): StreamPosition | null {
  return after?.epoch === '' ? null : after;
}
