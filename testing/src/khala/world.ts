import type { Clock, Scheduler } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { BatchCache } from './batch-cache.ts';
import { KhalaError } from './errors.ts';
import { base64Sha256, changedPayload, encodePayload } from './event-payload.ts';
import type { FaultName, KhalaFault } from './fault-spec.ts';
import { KhalaFaults } from './faults.ts';
import type { KhalaOptions } from './options.ts';
import { Revocations } from './revocations.ts';
import { type TokenRules, tokenShapes } from './token.ts';
import { TopicLog } from './topic-log.ts';
import { isKhalaTopic, type KhalaTopic, khalaTopics, topicPolicies, workerEvents } from './topics.ts';
import { type Worker, type WorkerEvent, WorkerStore } from './worker-store.ts';

/** An event as a producer posts it. */
export interface KhalaEvent {
  readonly event_type: string;
  readonly payload: unknown;
}

/** What the open channels are to the world. */
export interface KhalaListener {
  readonly id: number;
  notify(topic: KhalaTopic): void;
  act(fault: KhalaFault): void;
}

/** Counters that tests read. */
export interface KhalaCounters {
  /** Websockets that were accepted, of dialects A and B. */
  accepted: number;
  /** Websocket upgrades that were refused. */
  refused: number;
  joins: number;
  subscriptions: number;
  batches: number;
  httpRequests: number;
}

/** Everything the fixture holds, without any network. */
export class KhalaWorld {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly options: KhalaOptions;
  readonly tokenRules: TokenRules;
  readonly workers = new WorkerStore();
  readonly faults: KhalaFaults;
  readonly revocations: Revocations;
  readonly listeners = new Set<KhalaListener>();
  readonly counters: KhalaCounters = {
    accepted: 0,
    refused: 0,
    joins: 0,
    subscriptions: 0,
    batches: 0,
    httpRequests: 0,
  };
  readonly #logs: ReadonlyMap<KhalaTopic, TopicLog>;
  readonly #caches: ReadonlyMap<KhalaTopic, BatchCache>;
  readonly #dirty = new Set<KhalaTopic>();
  readonly #waiters = new Map<string, Set<() => void>>();
  #flushing = false;

  constructor(options: KhalaOptions) {
    this.options = options;
    this.clock = options.clock ?? systemPorts.clock;
    this.scheduler = options.scheduler ?? systemPorts.scheduler;
    const secret = options.secret ?? 'khala-fixture-secret';
    const keyring = { [tokenShapes.khala.kid]: secret, [tokenShapes.sync.kid]: secret, ...options.keyring };
    const issuer = options.issuer ?? 'https://khala.test';
    this.tokenRules = { keyring, issuer, shapes: options.tokenShapes ?? ['khala', 'sync'] };
    this.revocations = new Revocations(this.clock);
    this.faults = new KhalaFaults((fault) => this.#act(fault));
    const logs = khalaTopics.map((name) => {
      const budget = options.budgets?.[name] ?? topicPolicies[name].replay_budget_events;
      return [name, new TopicLog(name, { ...topicPolicies[name], replay_budget_events: budget })] as const;
    });
    this.#logs = new Map(logs);
    this.#caches = new Map(logs.map(([name, log]) => [name, new BatchCache(log, this)]));
  }

  /** @throws {KhalaError} `unknown_topic`. */
  log(topic: string): TopicLog {
    const log = isKhalaTopic(topic) ? this.#logs.get(topic) : undefined;
    if (log === undefined) throw new KhalaError('unknown_topic', `khala has no topic ${JSON.stringify(topic)}.`);
    return log;
  }

  /** The live batches of a topic. */
  live(topic: KhalaTopic): BatchCache {
    return this.#caches.get(topic) as BatchCache;
  }

  /**
   * Appends an event of a worker and pushes it. Returns what the producer is told.
   *
   * @throws {KhalaError} `invalid_event`.
   */
  publish(workerId: string, event: KhalaEvent, owner?: string): WorkerEvent {
    checkEvent(workerId, event);
    const of = { id: workerId, owner: this.options.owners?.[workerId] ?? owner ?? 'user-1' };
    const change = this.#take('changed_payload', workerId);
    const payload = change === undefined ? event.payload : (change.payload ?? changedPayload(event.payload));
    const stored = this.#append(of, { event_type: event.event_type, payload });
    if (this.#take('append_twice', workerId) !== undefined) {
      this.#append(of, { event_type: event.event_type, payload });
    }
    return stored;
  }

  /**
   * Appends an update to one of the four topics that belongs to no worker.
   *
   * @throws {KhalaError} `unknown_topic`, `invalid_event`.
   */
  publishUpdate(topic: string, update: { doc_key: string; doc_version: number; payload: unknown }): number {
    const log = this.log(topic);
    const { text, hash } = encodePayload(update.payload);
    const watermark = log.allocate();
    const pointer = this.options.payloadMode === 'pointer';
    log.append({
      watermark,
      doc_key: update.doc_key,
      doc_version: update.doc_version,
      payload: pointer ? null : text,
      payload_hash: hash,
      at: this.clock.now(),
      kind: 'update',
      withheld: false,
    });
    this.#touch(log.name);
    return watermark;
  }

  /** Keeps the newest `keep` events of a topic: what lies before is below the floor. */
  trim(topic: string, keep: number): void {
    this.log(topic).trim(keep);
    if (isKhalaTopic(topic)) this.live(topic).clear();
  }

  /** One run of the retention job: by age, at most 5,000 a topic, then by count where that is asked for. */
  retain(): void {
    for (const [name, log] of this.#logs) {
      const gone = log.expire(this.clock.now() - log.policy.max_age_seconds * 1000, 5000);
      const keep = this.options.retainEvents?.[name];
      if (gone + (keep === undefined ? 0 : log.trim(keep)) > 0) this.live(name).clear();
    }
  }

  /** Calls `wake` once when the worker gets an event. Returns what takes it back. */
  onEvent(workerId: string, wake: () => void): () => void {
    const waiting = this.#waiters.get(workerId) ?? new Set();
    this.#waiters.set(workerId, waiting.add(wake));
    return () => waiting.delete(wake);
  }

  /** Tells every channel what has been appended so far. */
  flush(): void {
    const topics = [...this.#dirty];
    this.#dirty.clear();
    for (const topic of topics) {
      const log = this.log(topic);
      this.live(topic).advance(log.head);
      const keep = this.options.retainEvents?.[topic];
      // Well over the limit only: to move the entries at each event would cost as much as all of them.
      if (keep !== undefined && log.size > keep * 2 + 100) log.trim(keep);
      for (const listener of this.listeners) listener.notify(topic);
    }
  }

  #append({ id, owner }: Pick<Worker, 'id' | 'owner'>, event: KhalaEvent): WorkerEvent {
    const payload = this.options.sanitize === undefined ? event.payload : this.options.sanitize(event.payload);
    const at = this.clock.now();
    const occurredAt = new Date(at).toISOString();
    const { event_type } = event;
    const seq = (this.workers.get(id)?.latest_seq ?? 0) + 1;
    const { text, hash } = encodePayload({
      workerId: id,
      worker_id: id,
      seq,
      eventType: event_type,
      event_type,
      payload,
      occurredAt,
      occurred_at: occurredAt,
    });
    // Only now: a payload that is refused makes no worker.
    const worker = this.workers.ensure(id, owner);
    worker.latest_seq = seq;
    const lost = this.#take('lose_event', id) !== undefined;
    const log = this.log(workerEvents);
    const watermark = log.allocate();
    const stored = { seq, event_type, payload, occurred_at: occurredAt, watermark };
    if (!lost) {
      const pointer = this.options.payloadMode === 'pointer' || this.#take('payload_null', id) !== undefined;
      const wrong = this.#take('wrong_payload_hash', id) !== undefined;
      worker.events.push(stored);
      log.append({
        watermark,
        doc_key: `runtime/codex_worker_event:${id}:${seq}`,
        doc_version: seq,
        payload: pointer ? null : text,
        payload_hash: wrong ? base64Sha256(`not ${text}`) : hash,
        at,
        kind: event_type,
        withheld: this.#take('withhold_event', id) !== undefined,
      });
    }
    this.#touch(workerEvents);
    const waiting = this.#waiters.get(id);
    this.#waiters.delete(id);
    for (const wake of waiting ?? []) wake();
    return stored;
  }

  #take(name: FaultName, worker: string): KhalaFault | undefined {
    return this.faults.any ? this.faults.take(name, { worker }) : undefined;
  }

  #touch(topic: KhalaTopic): void {
    this.#dirty.add(topic);
    if (this.#flushing) return;
    this.#flushing = true;
    const flush = (): void => {
      this.#flushing = false;
      this.flush();
    };
    const delay = this.faults.take('delay', {}, (fault) => fault.on === 'push');
    // At the end of this turn of the event loop, so that what is published together is pushed together.
    if (delay === undefined) setImmediate(flush);
    else this.scheduler.after(delay.ms ?? 0, flush);
  }

  #act(fault: KhalaFault): void {
    for (const listener of [...this.listeners]) {
      if (fault.connection === undefined || fault.connection === listener.id) listener.act(fault);
    }
  }
}

function checkEvent(workerId: string, event: KhalaEvent): void {
  if (workerId === '') throw new KhalaError('invalid_event', 'The worker id is empty.');
  const type: unknown = event?.event_type;
  if (typeof type !== 'string' || type === '' || type.length > 160) {
    throw new KhalaError('invalid_event', 'event_type must be a text of 1 to 160 characters.');
  }
}
