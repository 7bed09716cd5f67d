import {
  type BackoffPolicy,
  backoffDelay,
  extendChain,
  genesisChain,
  type HttpClient,
  isBackoffPolicy,
  type Ports,
  payloadHash,
  streamIdForTopic,
} from '@autopilot/sync-contract';
import type { JournalReader } from '../codex/journal.ts';
import { ProjectionError } from './errors.ts';
import { type PostOutcome, postEvents, type Refusal } from './post-events.ts';
import { type ProjectedEvent, type ProjectionOptions, projectEntry } from './project-entry.ts';
import { type DeadEvent, openPublisherState, type PublisherState, type StreamChain } from './publisher-state.ts';

/** Options of {@link startPublisher}. */
export interface PublisherOptions {
  readonly journal: JournalReader;
  /** SQLite file with the cursor, the chains and the refused events. */
  readonly stateFile: string;
  /** Base URL of control. */
  readonly url: string;
  readonly http: HttpClient;
  /** The Authorization header; see {@link basicAuthorization}. */
  readonly authorization: () => string | Promise<string>;
  readonly ports: Ports;
  readonly projection: ProjectionOptions;
  /** Journal entries in one request, 1 to 500. Default 50, which stays below control's 1 MiB for the longest payloads. */
  readonly batchSize?: number | undefined;
  /** Milliseconds. Default 10 000. */
  readonly requestTimeoutMs?: number | undefined;
  /** Between tries. Default 100 ms, 500 ms and 30 s. */
  readonly backoff?: BackoffPolicy | undefined;
}

/** What the publisher does. `refused`: control does not let it in; it goes on trying slowly, and nothing is lost. */
export type PublisherPhase = 'idle' | 'publishing' | 'backoff' | 'refused' | 'stopped';

/** Where the publisher is. Counts are over the life of the state file. */
export interface PublisherStatus {
  readonly state: PublisherPhase;
  /** Events that control has taken, each counted once. */
  readonly published: number;
  /** How many of those control knew already: their first answer was lost. */
  readonly duplicates: number;
  /** Journal entries that have not been looked at. */
  readonly pending: number;
  /** The journal entry up to which everything is published or set aside. */
  readonly cursor: number;
  /** Failures in a row. */
  readonly attempts: number;
  readonly last_error: (Refusal & { readonly at_ms: number }) | undefined;
  /** Events that control refused for good, the oldest first. Their entries are still in the journal. */
  readonly dead: readonly DeadEvent[];
  /** Per stream what was accepted, to compare with what readers applied. Sorted by stream id. */
  readonly chains: readonly StreamChain[];
}

/** A running publisher. */
export interface Publisher {
  status(): PublisherStatus;
  /** Gives up a request under way, closes the state file. What was not answered is sent again after a restart. */
  stop(): Promise<void>;
}

/** The header of HTTP Basic client credentials. */
export function basicAuthorization(clientId: string, secret: string): string {
  return `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`;
}

/**
 * Publishes a projection of the journal, as its reader: at its own pace, after its own cursor. The cursor moves when
 * control has answered 202, in one transaction with the chains.
 *
 * @throws {ProjectionError} `publisher_options`, `state_locked` or `state_unusable`.
 */
export function startPublisher(options: PublisherOptions): Publisher {
  const { batchSize = 50 } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 500) {
    throw new ProjectionError('publisher_options', `The batch size must be from 1 to 500, not ${batchSize}.`);
  }
  if (options.backoff !== undefined && !isBackoffPolicy(options.backoff)) {
    throw new ProjectionError('publisher_options', 'The backoff needs a floor not above its cap, and a base above 0.');
  }
  if (!URL.canParse(options.url)) throw new ProjectionError('publisher_options', `"${options.url}" is no URL.`);
  return new RunningPublisher(options, openPublisherState(options.stateFile), batchSize);
}

const defaultBackoff: BackoffPolicy = { floorMs: 100, baseMs: 500, capMs: 30_000 };

class RunningPublisher implements Publisher {
  readonly #options: PublisherOptions;
  readonly #state: PublisherState;
  readonly #batchSize: number;
  readonly #chains: Map<string, StreamChain>;
  readonly #stopping = new AbortController();
  readonly #unlisten: () => void;
  #dead: readonly DeadEvent[];
  #totals: { readonly published: number; readonly duplicates: number };
  #cursor: bigint;
  #limit: number;
  #phase: PublisherPhase = 'idle';
  #attempts = 0;
  #lastError: PublisherStatus['last_error'];
  #wake = Promise.withResolvers<void>();
  readonly #done: Promise<void>;

  constructor(options: PublisherOptions, state: PublisherState, batchSize: number) {
    this.#options = options;
    this.#state = state;
    this.#batchSize = batchSize;
    this.#limit = batchSize;
    this.#cursor = state.cursor(options.journal.journal_id);
    this.#chains = new Map(state.chains().map((chain) => [chain.stream_id, chain]));
    this.#dead = state.dead();
    this.#totals = state.totals();
    // Only a wake-up: the lane that appends must not pay for what publishing costs.
    this.#unlisten = options.journal.onAppend(() => this.#wake.resolve());
    this.#done = this.#run();
  }

  status(): PublisherStatus {
    return {
      state: this.#phase,
      ...this.#totals,
      pending: Number(this.#phase === 'stopped' ? 0n : this.#options.journal.head() - this.#cursor),
      cursor: Number(this.#cursor),
      attempts: this.#attempts,
      last_error: this.#lastError,
      dead: this.#dead,
      chains: [...this.#chains.values()].sort((a, b) => (a.stream_id < b.stream_id ? -1 : 1)),
    };
  }

  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return this.#done;
    this.#stopping.abort();
    this.#unlisten();
    this.#wake.resolve();
    await this.#done;
    this.#phase = 'stopped';
    this.#state.close();
  }

  async #run(): Promise<void> {
    // Entered asynchronously: starting the publisher must not make its owner wait for a first batch.
    await Promise.resolve();
    while (!this.#stopping.signal.aborted) {
      this.#wake = Promise.withResolvers();
      let pause: number | undefined;
      try {
        pause = await this.#publishOnce();
      } catch (error) {
        // The journal or the state file failed; trying again is safe, because nothing moved.
        pause = this.#failed({ code: 'internal', message: error instanceof Error ? error.message : String(error) }, 0);
      }
      if (this.#stopping.signal.aborted) return;
      if (pause === undefined) continue;
      if (pause > 0) await this.#sleep(pause);
      else await this.#wake.promise;
    }
  }

  /** One batch. Undefined: there may be more; 0: nothing to do until woken; otherwise milliseconds to wait. */
  async #publishOnce(): Promise<number | undefined> {
    const { journal, projection } = this.#options;
    const entries = journal.readAfter(this.#cursor, this.#limit);
    const last = entries.at(-1);
    if (last === undefined) {
      this.#phase = 'idle';
      return 0;
    }
    let waiting = entries.flatMap((entry) => projectEntry(entry, projection).map((event) => ({ entry, event })));
    const dead: DeadEvent[] = [];
    let duplicates = 0;
    const setAside = ({ entry, event }: (typeof waiting)[number], { code, message }: Refusal): void => {
      const { topic, kind, idempotency_key } = event;
      const place = { journal_id: journal.journal_id, entry_id: Number(entry.entry_id) };
      dead.push({ ...place, topic, kind, idempotency_key, code, message });
    };
    while (waiting.length > 0) {
      if (this.#attempts === 0) this.#phase = 'publishing';
      const outcome = await this.#post(waiting.map(({ event }) => event));
      if (outcome.type === 'accepted') {
        duplicates = outcome.duplicates;
        break;
      }
      if (outcome.type === 'items-refused') {
        for (const [index, refusal] of outcome.items) {
          const item = waiting[index];
          if (item !== undefined) setAside(item, refusal);
        }
        waiting = waiting.filter((_, index) => !outcome.items.has(index));
      } else if (outcome.type !== 'refused') return this.#refusedOrRetry(outcome);
      else if (entries.length > 1) {
        // Halving finds the one that is to blame, without blaming the others.
        this.#limit = Math.ceil(entries.length / 2);
        return undefined;
      } else {
        for (const item of waiting) setAside(item, outcome.refusal);
        waiting = [];
      }
    }
    this.#commit(
      last.entry_id,
      waiting.map(({ event }) => event),
      duplicates,
      dead,
    );
    return undefined;
  }

  #post(events: readonly ProjectedEvent[]): Promise<PostOutcome> {
    const { url, http, authorization, ports, requestTimeoutMs = 10_000 } = this.#options;
    const signal = this.#stopping.signal;
    return postEvents(events, {
      url,
      http,
      authorization,
      scheduler: ports.scheduler,
      timeoutMs: requestTimeoutMs,
      signal,
    });
  }

  #commit(cursor: bigint, events: readonly ProjectedEvent[], duplicates: number, dead: readonly DeadEvent[]): void {
    const changed = new Map<string, StreamChain>();
    for (const event of events) {
      const stream_id = streamIdForTopic(event.topic);
      const before = changed.get(stream_id) ?? this.#chains.get(stream_id);
      const count = (before?.count ?? 0) + 1;
      const { kind, idempotency_key } = event;
      const link = { seq: BigInt(count), kind, idempotency_key, payload_hash: payloadHash(event.payload) };
      changed.set(stream_id, { stream_id, count, chain: extendChain(before?.chain ?? genesisChain(stream_id), link) });
    }
    const { journal_id } = this.#options.journal;
    const published = events.length;
    this.#state.commit({ journal_id, cursor, published, duplicates, chains: [...changed.values()], dead });
    // Memory follows the disk, never the other way round.
    for (const [id, chain] of changed) this.#chains.set(id, chain);
    this.#totals = this.#state.totals();
    if (dead.length > 0) this.#dead = this.#state.dead();
    this.#cursor = cursor;
    this.#attempts = 0;
    this.#limit = Math.min(this.#batchSize, this.#limit * 2);
  }

  #refusedOrRetry(outcome: Extract<PostOutcome, { type: 'not-allowed' | 'retry' }>): number {
    if (outcome.type === 'retry') return this.#failed(outcome.refusal, outcome.retry_after_ms);
    const pause = this.#failed(outcome.refusal, (this.#options.backoff ?? defaultBackoff).capMs / 2);
    this.#phase = 'refused';
    return pause;
  }

  /** Notes a failure and returns how long to wait: full jitter above a floor. */
  #failed(refusal: Refusal, atLeast: number): number {
    const { backoff = defaultBackoff, ports } = this.#options;
    const delay = backoffDelay(backoff, this.#attempts, ports.random, atLeast);
    this.#attempts += 1;
    this.#phase = 'backoff';
    this.#lastError = { ...refusal, at_ms: ports.clock.now() };
    return delay;
  }

  #sleep(milliseconds: number): Promise<void> {
    const signal = this.#stopping.signal;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.ports.scheduler.after(milliseconds, resolve);
    const stop = (): void => resolve();
    signal.addEventListener('abort', stop, { once: true });
    return promise.finally(() => {
      cancel();
      signal.removeEventListener('abort', stop);
    });
  }
}
