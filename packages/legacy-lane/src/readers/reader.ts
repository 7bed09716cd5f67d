import {
  type BackoffPolicy,
  backoffDelay,
  type Cancel,
  type HttpClient,
  isBackoffPolicy,
  type Ports,
  type Socket,
  type SocketFactory,
} from '@autopilot/sync-contract';
import { KhalaError } from '../errors.ts';
import { closeOfStatus } from '../lane/close-reasons.ts';
import { defaultKhalaBackoff } from '../lane/options.ts';
import type { KhalaFrameError } from '../wire/decode-error.ts';
import {
  decodeFanoutMessage,
  decodePollResponse,
  type FanoutMessage,
  type FanoutStale,
  type PollResponse,
} from './decode-fanout.ts';

/** What a reader tells. After `stale` and `refused` it waits for `rewind`. */
export type KhalaReaderSignal =
  | { readonly type: 'messages'; readonly messages: readonly FanoutMessage[]; readonly head: bigint }
  | { readonly type: 'stale'; readonly stale: FanoutStale }
  /** It was too slow; it goes on from its cursor after a pause. */
  | { readonly type: 'evicted' }
  | { readonly type: 'undecodable'; readonly error: KhalaFrameError }
  /** A connection or a request ended; it goes on after a pause. */
  | { readonly type: 'ended'; readonly message: string }
  | { readonly type: 'refused'; readonly code: string; readonly message: string };

/** What a reader of the fan-out is made of. Times are milliseconds. */
export interface KhalaReaderOptions {
  /** B: websocket. C: HTTP polls. */
  readonly dialect: 'B' | 'C';
  readonly ports: Ports;
  /** For dialect C. */
  readonly http: HttpClient;
  /** For dialect B. */
  readonly socket: SocketFactory;
  readonly url: string;
  /** E.g. `worker:<id>:lifecycle` or `runtime.codex_worker_events`. */
  readonly topic: string;
  readonly token: () => Promise<string> | string;
  /** The last sequence of the topic that was read; 0 for none. */
  readonly after: bigint;
  /** At most 200; default 100. */
  readonly limit?: number;
  /** Khala refuses polls within 250 ms of each other. Default 1,000. */
  readonly pollMs?: number;
  /** For one answer. Default 15,000. */
  readonly timeoutMs?: number;
  readonly backoff?: BackoffPolicy;
}

/** Reads one topic of the Rust fan-out from a cursor on. Its sequences are the topic's, not a stream's. */
export interface KhalaReader {
  /** The last sequence that was told. */
  readonly cursor: bigint;
  start(): void;
  /** Goes on from another cursor. */
  rewind(after: bigint): void;
  listen(listener: (signal: KhalaReaderSignal) => void): () => void;
  close(): void;
}

/** Khala's own guard. */
const shortestPollMs = 250;

/**
 * Makes a reader of dialect B or C.
 *
 * @throws {KhalaError} `invalid_options`.
 */
export function createKhalaReader(options: KhalaReaderOptions): KhalaReader {
  const { limit = 100, pollMs = 1000, after, backoff = defaultKhalaBackoff } = options;
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= 200)) {
    throw new KhalaError('invalid_options', 'limit must be a whole number from 1 to 200.', {
      details: { option: 'limit' },
    });
  }
  if (!(pollMs >= shortestPollMs && Number.isFinite(pollMs))) {
    throw new KhalaError('invalid_options', 'pollMs must be at least 250.', { details: { option: 'pollMs' } });
  }
  if (after < 0n) {
    throw new KhalaError('invalid_options', 'after must not be negative.', { details: { option: 'after' } });
  }
  if (!isBackoffPolicy(backoff)) {
    throw new KhalaError('invalid_options', 'backoff needs a floor not above its cap, and a base above 0.', {
      details: { option: 'backoff' },
    });
  }
  return new FanoutReader({ ...options, limit, pollMs, backoff });
}

type ReaderSettings = KhalaReaderOptions & Required<Pick<KhalaReaderOptions, 'limit' | 'pollMs' | 'backoff'>>;

class FanoutReader implements KhalaReader {
  readonly #options: ReaderSettings;
  readonly #listeners = new Set<(signal: KhalaReaderSignal) => void>();
  #cursor: bigint;
  #running = false;
  #closed = false;
  /** The number of the attempt: what belongs to an older one says nothing any more. */
  #attempt = 0;
  #failures = 0;
  #socket: Socket | undefined;
  #abort: AbortController | undefined;
  #cancel: Cancel = () => {};
  #cancelDeadline: Cancel = () => {};

  constructor(options: ReaderSettings) {
    this.#options = options;
    this.#cursor = options.after;
  }

  get cursor(): bigint {
    return this.#cursor;
  }

  start(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    void this.#read();
  }

  rewind(after: bigint): void {
    if (this.#closed) return;
    this.#stop();
    this.#cursor = after;
    this.start();
  }

  listen(listener: (signal: KhalaReaderSignal) => void): () => void {
    const own = (signal: KhalaReaderSignal): void => listener(signal);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  close(): void {
    this.#stop();
    this.#closed = true;
    this.#listeners.clear();
  }

  #stop(): void {
    this.#running = false;
    this.#attempt += 1;
    this.#cancel();
    this.#cancelDeadline();
    this.#abort?.abort();
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  async #read(): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    let token: string;
    try {
      token = await this.#options.token();
    } catch (error) {
      if (attempt === this.#attempt)
        this.#pause(`No token: ${error instanceof Error ? error.message : String(error)}`, 0);
      return;
    }
    if (attempt !== this.#attempt) return;
    if (this.#options.dialect === 'B') this.#open(token, attempt);
    else await this.#poll(token, attempt);
  }

  #open(token: string, attempt: number): void {
    const url = this.#url('ws').replace(/^http/, 'ws');
    let hint = 0;
    const mine = (task: () => void) => () => {
      if (attempt === this.#attempt) task();
    };
    this.#cancelDeadline = this.#options.ports.scheduler.after(
      this.#options.timeoutMs ?? 15_000,
      mine(() => {
        this.#socket?.terminate();
        this.#pause('Khala said no hello in time.', 0);
      }),
    );
    this.#socket = this.#options.socket(
      { url, protocols: [], headers: { authorization: `Bearer ${token}` } },
      {
        opened: () => {},
        alive: () => {},
        message: (data) =>
          mine(() => {
            const frame = decodeFanoutMessage(new TextDecoder().decode(data));
            switch (frame.type) {
              case 'undecodable':
                this.#tell({ type: 'undecodable', error: frame });
                return;
              case 'hello':
                this.#cancelDeadline();
                hint = frame.recommended_reconnect_backoff_ms;
                return;
              case 'message':
                this.#take([frame.message], frame.message.sequence);
                return;
              case 'stale_cursor': {
                const { type: _type, ...stale } = frame;
                this.#wait({ type: 'stale', stale });
                return;
              }
              case 'error':
                this.#socket?.terminate();
                if (frame.code === 'slow_consumer_evicted') this.#tell({ type: 'evicted' });
                // The listener may have gone elsewhere.
                if (attempt !== this.#attempt) return;
                this.#pause(`Khala ended the connection: ${frame.code}.`, hint);
            }
          })(),
        refused: (status, body, retryAfterMs) => mine(() => this.#refused(status, body, retryAfterMs))(),
        closed: (code) => mine(() => this.#pause(`The connection ended with ${code}.`, hint))(),
      },
    );
  }

  async #poll(token: string, attempt: number): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    this.#cancelDeadline = this.#options.ports.scheduler.after(this.#options.timeoutMs ?? 15_000, () => abort.abort());
    let answer: { readonly status: number; readonly body: string };
    try {
      const headers = { authorization: `Bearer ${token}` };
      answer = await this.#options.http({ method: 'GET', url: this.#url('messages'), headers, signal: abort.signal });
    } catch (error) {
      this.#cancelDeadline();
      if (attempt === this.#attempt) this.#pause(error instanceof Error ? error.message : String(error), 0);
      return;
    }
    if (attempt !== this.#attempt) return;
    this.#cancelDeadline();
    const response = decodePollResponse(answer.body);
    if (response.type !== 'undecodable') this.#answered(response, answer);
    else if (answer.status === 200) {
      this.#tell({ type: 'undecodable', error: response });
      this.#pause('The answer could not be read.', 0);
    } else this.#refused(answer.status, answer.body);
  }

  #answered(response: PollResponse, answer: { readonly status: number; readonly body: string }): void {
    const { pollMs } = this.#options;
    const attempt = this.#attempt;
    switch (response.type) {
      case 'page':
        this.#take(response.messages, response.head_cursor);
        if (attempt !== this.#attempt) return;
        this.#again(response.replay_complete ? pollMs : shortestPollMs);
        return;
      case 'too_soon':
        this.#again(Math.max(response.retry_after_ms, 1));
        return;
      case 'evicted':
        this.#tell({ type: 'evicted' });
        if (attempt === this.#attempt) this.#pause('Khala evicted this reader: it was too far behind.', shortestPollMs);
        return;
      case 'stale_cursor': {
        const { type: _type, ...stale } = response;
        this.#wait({ type: 'stale', stale });
        return;
      }
      case 'refused':
        this.#refused(answer.status, answer.body);
    }
  }

  #take(messages: readonly FanoutMessage[], head: bigint): void {
    // At least once, and arrival says nothing of order: drop what was read, sort the rest.
    const fresh = messages
      .filter(({ sequence }) => sequence > this.#cursor)
      .sort((a, b) => (a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : 0))
      .filter(({ sequence }, index, all) => sequence !== all[index - 1]?.sequence);
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.#failures = 0;
    this.#cursor = last.sequence;
    this.#tell({ type: 'messages', messages: fresh, head });
  }

  #refused(status: number, body: string, retryAfterMs = 0): void {
    const { code, message } = closeOfStatus(status, body);
    if (status >= 500 || status === 429) this.#pause(message, retryAfterMs);
    else this.#wait({ type: 'refused', code, message });
  }

  #wait(signal: KhalaReaderSignal): void {
    this.#stop();
    this.#tell(signal);
  }

  #pause(message: string, atLeastMs: number): void {
    this.#cancelDeadline();
    this.#socket = undefined;
    const { backoff, ports } = this.#options;
    const delay = backoffDelay(backoff, this.#failures, ports.random, atLeastMs);
    this.#failures += 1;
    this.#again(delay);
    this.#tell({ type: 'ended', message });
  }

  #again(delay: number): void {
    this.#attempt += 1;
    this.#cancel = this.#options.ports.scheduler.after(delay, () => void this.#read());
  }

  #url(what: 'ws' | 'messages'): string {
    const { url, topic, limit } = this.#options;
    const base = `${url.replace(/\/+$/, '')}/internal/v1/khala/topics/${encodeURIComponent(topic)}/${what}`;
    return `${base}?after_seq=${this.#cursor}&limit=${limit}`;
  }

  #tell(signal: KhalaReaderSignal): void {
    for (const listener of this.#listeners) {
      try {
        listener(signal);
      } catch {
        // A listener that throws disturbs neither the reader nor the others.
      }
    }
  }
}
