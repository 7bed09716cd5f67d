import type { Cancel, Lane, LaneSignal, LaneState, StreamPosition } from '@autopilot/sync-contract';
import { topicForStreamId } from '@autopilot/sync-contract';
import { findFloor, readLatest, readWorkerPage, type WorkerApiAccess, type WorkerPage } from '../http/worker-api.ts';
import type { KhalaFrameError } from '../wire/decode-error.ts';
import type { KhalaFrame, KhalaReply } from '../wire/frame.ts';
import { checkPayloadHash } from '../wire/payload-hash.ts';
import type { KhalaUpdate, KhalaUpdateBatch, SlowConsumer, StaleCursor } from '../wire/schemas.ts';
import { decodeWorkerEvent, isUnusable, syncEventOf, workerOfDocKey } from '../wire/worker-event.ts';
import type { KhalaChannel } from './channel.ts';
import { Environment } from './environment.ts';
import { FollowedStream, type StreamHost } from './followed-stream.ts';
import { Lifecycle } from './lifecycle.ts';
import { type KhalaLaneOptions, type KhalaSettings, khalaSettings, noStats } from './options.ts';
import { Outbox } from './outbox.ts';
import { ReadQueue } from './read-queue.ts';
import { copyOf, type KhalaStats, newCounters } from './stats.ts';
import { TopicCursor } from './topic-cursor.ts';

/** One followed stream as the lane sees it. */
export interface KhalaStreamFacts {
  /** The last event that was handed over; null before the epoch is known. */
  readonly position: StreamPosition | null;
  /** How long khala said the stream is, on this connection. */
  readonly head: bigint | undefined;
  readonly standing: 'following' | 'stale' | 'closed';
  readonly level: boolean;
  /** The position is beyond khala's head: the other lane was faster, or khala lost events. Never clamped. */
  readonly ahead: boolean;
}

/** What the lane knows now. Plain data, no secrets. */
export interface KhalaFacts {
  /** The highest watermark of the topic that was seen on this connection. */
  readonly watermark: bigint | undefined;
  readonly token_expires_at: number | undefined;
  readonly attempts: number;
  /** Milliseconds until the next attempt; undefined when none is planned. */
  readonly next_retry_ms: number | undefined;
  readonly streams: Readonly<Record<string, KhalaStreamFacts>>;
}

/** The lane to leave: dialect A of khala behind the interface of every lane. */
export interface KhalaLane extends Lane {
  readonly id: 'khala';
  /** Tries at once instead of waiting, at least the backoff floor after the last try; leaves `needs-auth`, `failed`. */
  retryNow(): void;
  stats(): KhalaStats;
  facts(): KhalaFacts;
}

/** How many cursors khala may refuse on one connection before it is given up. */
const mostStale = 3;
/** How many messages that cannot be read end a connection. */
const mostUndecodable = 20;

/**
 * Makes a lane that reads khala.
 *
 * @throws {KhalaError} `invalid_options` with `details.option`.
 */
export function createKhalaLane(options: KhalaLaneOptions): KhalaLane {
  return new TopicLane(khalaSettings(options));
}

/** One topic for all streams: subscribes once, hands each update to its stream, reads the rest over HTTP. */
class TopicLane implements KhalaLane, StreamHost {
  readonly id = 'khala';
  readonly #settings: KhalaSettings;
  readonly #env: Environment;
  readonly #outbox: Outbox;
  readonly #lifecycle: Lifecycle;
  readonly #reads: ReadQueue;
  readonly #cursor: TopicCursor;
  readonly #streams = new Map<string, FollowedStream>();
  readonly #byWorker = new Map<string, FollowedStream>();
  #channel: KhalaChannel | undefined;
  #subscribed = false;
  #refusals = 0;
  #undecodable = 0;
  /** The last head that khala's heartbeat named: pushed by then, or lost. */
  #beatHead: bigint | undefined;
  /** Errors seen on this connection, by their text and the ways they came: each comes up to three times. */
  readonly #errors = new Map<string, Set<string>>();
  #told = '';
  #cancelPoll: Cancel = () => {};

  constructor(settings: KhalaSettings) {
    this.#settings = settings;
    const counters = newCounters();
    this.#outbox = new Outbox(() => {
      counters.listener_errors += 1;
    });
    this.#env = new Environment(settings.ports, counters, this.#outbox);
    this.#reads = new ReadQueue(this.#env, settings.maxReadsInFlight, settings.requestTimeoutMs);
    this.#cursor = new TopicCursor(settings.cursors, settings.topic, () => {
      counters.cursor_errors += 1;
    });
    this.#lifecycle = new Lifecycle(this.#env, settings, {
      joined: (channel) => this.#joined(channel),
      frame: (frame) => this.#frame(frame),
      undecodable: (error) => this.#unreadable(error),
      ended: () => this.#ended(),
    });
  }

  get state(): LaneState {
    return this.#lifecycle.state;
  }

  start(): void {
    this.#turn(() => this.#lifecycle.start());
  }

  retryNow(): void {
    this.#turn(() => this.#lifecycle.retryNow());
  }

  listen(listener: (signal: LaneSignal) => void): () => void {
    return this.#outbox.listen(listener);
  }

  async close(): Promise<void> {
    await this.#lifecycle.close();
    for (const stream of this.#streams.values()) stream.leave();
    this.#streams.clear();
    this.#byWorker.clear();
    this.#outbox.end();
  }

  follow(streamId: string, after: StreamPosition | null): void {
    this.#turn(() => {
      if (this.state === 'draining' || this.state === 'closed') return;
      const known = this.#streams.get(streamId);
      // Followed already: another position is what `rewind` is for.
      if (known !== undefined && known.standing !== 'closed') return;
      known?.leave();
      this.#open(streamId, after);
      this.changed();
    });
  }

  rewind(streamId: string, after: StreamPosition | null): void {
    this.#turn(() => {
      const stream = this.#streams.get(streamId);
      if (stream === undefined || stream.standing === 'closed') this.follow(streamId, after);
      else stream.rewind(after);
    });
  }

  unfollow(streamId: string): void {
    this.#turn(() => {
      const stream = this.#streams.get(streamId);
      if (stream === undefined) return;
      stream.leave();
      this.#streams.delete(streamId);
      this.#byWorker.delete(stream.workerId);
      this.changed();
    });
  }

  stats(): KhalaStats {
    return copyOf(this.#env.counters);
  }

  facts(): KhalaFacts {
    const streams: Record<string, KhalaStreamFacts> = {};
    for (const [id, { position, head, standing, level, ahead }] of this.#streams) {
      streams[id] = { position, head, standing, level, ahead };
    }
    return {
      watermark: this.#cursor.highest,
      token_expires_at: this.#lifecycle.token?.expires_at,
      attempts: this.#env.counters.attempts,
      next_retry_ms: this.#lifecycle.nextRetryMs,
      streams,
    };
  }

  read(workerId: string, cursor: bigint, done: (page: WorkerPage) => void): () => void {
    return this.#reads.add(
      (signal) => readWorkerPage(this.#access(), workerId, cursor, signal),
      (page) => {
        done(page);
        if (page.type === 'refused') this.#lifecycle.lost(page.close);
        this.#save();
      },
      (message) => done({ type: 'failed', message, retry_after_ms: 0 }),
    );
  }

  floor(
    workerId: string,
    staleAt: bigint,
    done: (floor: bigint | undefined, head: bigint | undefined) => void,
  ): () => void {
    return this.#reads.add(
      async (signal) => {
        const access = this.#access();
        const latest = await readLatest(access, workerId, signal);
        if (latest.type !== 'latest') return { floor: undefined, head: undefined };
        return { floor: await findFloor(access, workerId, staleAt, latest.latest, signal), head: latest.latest };
      },
      ({ floor, head }) => done(floor, head),
      () => done(undefined, undefined),
    );
  }

  emit(signal: LaneSignal, stream: FollowedStream, generation: number): void {
    this.#outbox.put(
      signal,
      () => stream.generation === generation && this.#streams.get(stream.id) === stream && this.state !== 'closed',
    );
  }

  changed(): void {
    if (!this.#subscribed) return;
    this.#lifecycle.level([...this.#streams.values()].every(({ level }) => level));
  }

  useful(): void {
    this.#lifecycle.proven();
  }

  missed(seq: bigint): void {
    this.#cursor.distrust();
    const message = `Khala has event ${seq} of a stream since the last look, and its topic did not bring it.`;
    this.#lifecycle.lost({ code: 'missed_updates', message });
  }

  #turn(task: () => void): void {
    this.#outbox.turn(task);
  }

  #open(streamId: string, after: StreamPosition | null): void {
    let workerId: string;
    try {
      workerId = topicForStreamId(streamId);
    } catch {
      this.#refuse(streamId, 'invalid_request', 'This is no stream id.');
      return;
    }
    if (!this.#settings.owns(workerId)) {
      this.#refuse(streamId, 'forbidden', 'The worker belongs to another account.');
      return;
    }
    const stream = new FollowedStream(this.#env, this, { id: streamId, workerId }, after, this.#settings);
    this.#streams.set(streamId, stream);
    this.#byWorker.set(workerId, stream);
    if (this.#subscribed) stream.attach();
  }

  #refuse(streamId: string, code: 'invalid_request' | 'forbidden', message: string): void {
    this.#streams.delete(streamId);
    this.#outbox.put({ type: 'stream-closed', stream_id: streamId, code, message });
  }

  #access(): WorkerApiAccess {
    const { http, url, client, build } = this.#settings;
    const headers: Record<string, string> = { 'x-oa-client': client };
    if (build.client_build_id !== undefined) headers['x-oa-client-build-id'] = build.client_build_id;
    if (build.protocol_version !== undefined) headers['x-oa-protocol-version'] = build.protocol_version;
    if (build.schema_version !== undefined) headers['x-oa-schema-version'] = String(build.schema_version);
    return { http, url, token: this.#lifecycle.token?.token ?? '', headers };
  }

  #joined(channel: KhalaChannel): void {
    this.#channel = channel;
    this.#refusals = 0;
    this.#undecodable = 0;
    this.#beatHead = undefined;
    this.#errors.clear();
    this.#subscribe(this.#cursor.begin());
  }

  #subscribe(resumeAfter: bigint | undefined): void {
    const { topic, replayBatchSize } = this.#settings;
    // Without an entry khala begins, silently, at the oldest that it keeps: what is older comes over HTTP.
    const resume = resumeAfter === undefined ? {} : { [topic]: Number(resumeAfter) };
    const request = { topics: [topic], resume_after: resume, replay_batch_size: replayBatchSize };
    this.#channel?.ask('sync:subscribe', request, (reply) => this.#answered(reply, resumeAfter));
  }

  #answered(reply: KhalaReply, resumed: bigint | undefined): void {
    if (reply.status === 'error') {
      const { error } = reply;
      if (error.code === 'stale_cursor') this.#stale(error, 'reply');
      else if (error.code === 'forbidden_topic' || error.code === 'bad_subscription') {
        this.#lifecycle.lost({ code: error.code, message: `The subscription was refused: ${error.code}.` });
      } else if (error.code === 'reauth_required') {
        this.#lifecycle.lost({ code: 'reauth_required', message: 'Khala asks for a new sign-in.' });
      } else {
        this.#lifecycle.lost({ code: 'join_refused', message: `The subscription was refused: ${error.code}.` });
      }
      return;
    }
    if (reply.kind !== 'subscribed') {
      this.#lifecycle.lost({ code: 'protocol_error', message: `The subscription was answered as ${reply.kind}.` });
      return;
    }
    const head = reply.current_watermarks.find(({ topic }) => topic === this.#settings.topic)?.watermark;
    if (head !== undefined && resumed !== undefined && head < resumed) {
      // The topic was begun anew: after a cursor beyond its end khala would send nothing for long.
      this.#resubscribe(head);
      return;
    }
    this.#subscribed = true;
    this.#lifecycle.subscribed();
    for (const stream of this.#streams.values()) stream.attach();
    this.changed();
    this.#save();
    this.#pollLater();
  }

  #pollLater(): void {
    this.#cancelPoll = this.#env.after(this.#settings.headPollMs, () => {
      this.#pollLater();
      for (const stream of this.#streams.values()) stream.poll();
    });
  }

  #resubscribe(from: bigint): void {
    this.#refusals += 1;
    if (this.#refusals > mostStale) {
      const message = `Khala refused ${this.#refusals} cursors, also its own head.`;
      this.#lifecycle.lost({ code: 'stale_again', message });
      return;
    }
    this.#cursor.jump(from);
    this.#subscribe(from);
  }

  #ended(): void {
    this.#channel = undefined;
    this.#cancelPoll();
    this.#subscribed = false;
    for (const stream of this.#streams.values()) stream.detach();
    this.#report();
  }

  #frame(frame: Exclude<KhalaFrame, { type: 'reply' }>): void {
    switch (frame.type) {
      case 'update_batch':
        this.#batch(frame.batch, frame.channel);
        break;
      case 'heartbeat':
        this.#heartbeat(frame.watermarks.find(({ topic }) => topic === this.#settings.topic)?.watermark);
        break;
      case 'error':
        if (frame.error.code === 'stale_cursor') this.#stale(frame.error, frame.channel);
        else if (this.#isNew(frame.error, frame.channel)) this.#error(frame);
        break;
      case 'channel_error':
        this.#lifecycle.lost({ code: 'channel_error', message: 'The channel of khala failed.' });
        break;
      case 'channel_close':
        this.#lifecycle.lost({ code: 'channel_closed', message: 'Khala closed the channel.' });
        break;
      default:
        break;
    }
    this.#report();
  }

  #error({ error }: Extract<KhalaFrame, { type: 'error' }>): void {
    const { counters } = this.#env;
    if (error.code === 'slow_consumer') {
      this.#slow(error);
    } else if (error.code === 'reauth_required') {
      counters.reauths += 1;
      this.#lifecycle.lost({ code: 'reauth_required', message: `Khala asks for a new sign-in: ${error.reason}.` });
    } else {
      this.#lifecycle.lost({ code: 'channel_error', message: `Khala reported ${error.code}.` });
    }
  }

  #slow(error: SlowConsumer): void {
    const { counters } = this.#env;
    const wait = Math.min(error.reconnect_after_ms, 600_000);
    if (error.action === 'disconnect') {
      counters.disconnects += 1;
      const message = 'Khala disconnects: its messages were not taken fast enough.';
      this.#lifecycle.lost({ code: 'slow_consumer', message, retry_after_ms: wait });
      return;
    }
    counters.throttles += 1;
    this.#reads.pause(wait);
    if (error.full_resync_required) this.#readAll();
  }

  #stale(error: StaleCursor, channel: string): void {
    // Three copies: two pushes and the reply. The first is counted; the reply decides, since only it ends the request.
    if (this.#isNew({ ...error, refusal: this.#refusals }, channel)) this.#env.counters.stale += 1;
    if (channel !== 'reply') return;
    const own = error.stale_topics.find(({ topic }) => topic === this.#settings.topic);
    if (own === undefined) {
      this.#lifecycle.lost({ code: 'stale_again', message: 'Khala refused a cursor that was not given.' });
      return;
    }
    this.#resubscribe(own.head_watermark);
  }

  /** Whether an error has not come yet in another way. The same again in the same way is another error. */
  #isNew(error: object, channel: string): boolean {
    const text = JSON.stringify(error, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
    const ways = this.#errors.get(text);
    if (ways === undefined || ways.has(channel)) {
      this.#errors.set(text, new Set([channel]));
      return true;
    }
    ways.add(channel);
    return false;
  }

  #heartbeat(head: bigint | undefined): void {
    if (head === undefined || !this.#subscribed) return;
    const seen = this.#cursor.highest ?? 0n;
    const due = this.#beatHead;
    this.#beatHead = head;
    // Named by one heartbeat and still not here at the next: pushes were lost on a connection that looks well.
    if (due !== undefined && due > seen) {
      const message = `Khala has pushed up to ${due}, but ${seen} was the last one that came.`;
      this.#lifecycle.lost({ code: 'missed_updates', message });
    }
  }

  #unreadable(error: KhalaFrameError): void {
    this.#env.count(this.#env.counters.decode_errors, error.code);
    // The first copy of a twin has come already.
    if (!error.twin) {
      this.#undecodable += 1;
      if (this.#undecodable >= mostUndecodable) {
        const message = `${this.#undecodable} messages could not be read, the last one: ${error.code} at "${error.path}".`;
        this.#lifecycle.lost({ code: 'protocol_error', message });
      } else {
        this.#readAll();
      }
    }
    this.#report();
  }

  #batch(batch: KhalaUpdateBatch, channel: 'event' | 'frame'): void {
    const own = batch.updates.filter(({ topic }) => topic === this.#settings.topic);
    let skipped = false;
    // Arrival says nothing of order, inside a batch either.
    for (const update of own.sort((a, b) => (a.watermark < b.watermark ? -1 : a.watermark > b.watermark ? 1 : 0))) {
      this.#env.counters.updates += 1;
      const seen = this.#cursor.see(update.watermark, channel);
      if (seen === 'twin') this.#env.counters.twins += 1;
      else if (seen === 'again') this.#env.counters.duplicates += 1;
      else this.#update(update);
      skipped ||= seen === 'skipped';
    }
    for (const stream of this.#streams.values()) stream.flush();
    if (skipped) {
      this.#env.counters.watermark_gaps += 1;
      this.#readAll();
    }
    this.#save();
  }

  #update(update: KhalaUpdate): void {
    const { counters } = this.#env;
    const named = workerOfDocKey(update.doc_key);
    if (named !== undefined && !this.#isFollowed(named.worker_id)) return;
    const missing = named === undefined ? undefined : this.#byWorker.get(named.worker_id);
    if (update.payload === null || update.payload === undefined || update.hydration_required) {
      counters.hydrations += 1;
      if (named !== undefined) missing?.noteMissing(named.seq, update.watermark);
      else this.#readAll();
      return;
    }
    if (checkPayloadHash(update.payload, update.payload_hash) === 'differs') {
      counters.hash_mismatches += 1;
      if (named !== undefined) missing?.noteMissing(named.seq, update.watermark);
      else this.#readAll();
      return;
    }
    const raw = decodeWorkerEvent(update.payload);
    const event = isUnusable(raw) ? raw : syncEventOf(raw);
    if (isUnusable(event) || isUnusable(raw)) {
      if ('code' in event) this.#env.count(counters.decode_errors, event.code);
      if (named !== undefined) missing?.noteMissing(named.seq, update.watermark);
      else this.#readAll();
      return;
    }
    if (named === undefined && !this.#isFollowed(raw.worker_id)) return;
    const outcome = this.#byWorker.get(raw.worker_id)?.offer(event, update.watermark);
    if (outcome === 'duplicate') counters.duplicates += 1;
    if (outcome === 'gap') counters.seq_gaps += 1;
  }

  /** The projection: of what khala sends to everybody, only what this account owns and follows. */
  #isFollowed(workerId: string): boolean {
    if (this.#byWorker.has(workerId)) return true;
    this.#env.counters[this.#settings.owns(workerId) ? 'unfollowed' : 'foreign'] += 1;
    return false;
  }

  #readAll(): void {
    for (const stream of this.#streams.values()) stream.need();
  }

  #save(): void {
    this.#cursor.save([...this.#streams.values()].map(({ pendingFrom }) => pendingFrom));
    this.#report();
  }

  #report(): void {
    if (this.#settings.onStats === noStats) return;
    const stats = this.stats();
    const text = JSON.stringify(stats);
    if (text === this.#told) return;
    this.#told = text;
    try {
      this.#settings.onStats(stats);
    } catch {
      this.#env.counters.listener_errors += 1;
    }
  }
}
