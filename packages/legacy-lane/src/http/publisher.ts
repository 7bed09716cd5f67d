import {
  canonicalJson,
  type HttpClient,
  type HttpResponse,
  type JsonValue,
  parseCanonicalJson,
} from '@autopilot/sync-contract';
import { z } from 'zod';
import { KhalaError } from '../errors.ts';
import { closeOfStatus, codeInBody } from '../lane/close-reasons.ts';
import { counter } from '../wire/schemas.ts';
import { isUnusable, syncEventOf } from '../wire/worker-event.ts';
import {
  readLatest,
  readWorkerPage,
  retryAfterMs,
  type WorkerApiAccess,
  type WorkerRefusal,
  workerUrl,
} from './worker-api.ts';

/** One event to append to a worker. */
export interface KhalaDraft {
  /** Without `worker.`, e.g. `item/completed`. */
  readonly kind: string;
  /** Canonical JSON text, as events carry it. */
  readonly payload: string;
  /** Unique per worker: the only thing that keeps an event from being appended twice. */
  readonly idempotency_key: string;
  /** The epoch that the other lane names it by. */
  readonly epoch: string;
}

/** Where an event is. `duplicate`: it was there already, under the same key and with the same payload. */
export interface KhalaReceipt {
  readonly outcome: 'appended' | 'duplicate';
  readonly seq: bigint;
}

/** What is known of a worker before an event is sent. */
export interface KhalaPlace {
  /** The last sequence that is known to be there; 0 for none. */
  readonly after: bigint;
  /** An earlier attempt may have arrived: the stream is read after `after` before anything is sent. */
  readonly doubt: boolean;
}

/** What a publisher is made of. */
export interface KhalaPublisherOptions {
  readonly http: HttpClient;
  /** Base URL of khala. */
  readonly url: string;
  readonly token: () => Promise<string> | string;
  /** Sent with every request, e.g. the `x-oa-*` headers of a client version. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Writes to khala over HTTP. */
export interface KhalaPublisher {
  /**
   * Appends an event exactly once, given that nobody else writes to the worker at the same time.
   *
   * @param place what the caller knows of the worker. Without it the publisher goes by what it has seen itself since it
   * was made: a caller that was started anew has to say where it stopped.
   * @throws {KhalaError} `publish_outcome_unknown` with `details.after`: call again with that and `doubt: true`.
   */
  publish(workerId: string, draft: KhalaDraft, place?: KhalaPlace, signal?: AbortSignal): Promise<KhalaReceipt>;
  /** The last sequence of a worker; 0 for one that does not exist yet. */
  latest(workerId: string, signal?: AbortSignal): Promise<bigint>;
}

const accepted = z.object({ data: z.object({ seq: counter }) });
const never = new AbortController().signal;

/** Makes a publisher. */
export function createKhalaPublisher(options: KhalaPublisherOptions): KhalaPublisher {
  return new HttpPublisher(options);
}

class HttpPublisher implements KhalaPublisher {
  readonly #options: KhalaPublisherOptions;
  /** By worker: after which sequence something may stand whose answer never came. */
  readonly #doubts = new Map<string, bigint>();
  /** By worker: the last sequence that an answer named. */
  readonly #known = new Map<string, bigint>();

  constructor(options: KhalaPublisherOptions) {
    this.#options = options;
  }

  async publish(
    workerId: string,
    draft: KhalaDraft,
    place?: KhalaPlace,
    signal: AbortSignal = never,
  ): Promise<KhalaReceipt> {
    const body: JsonValue = parseCanonicalJson(draft.payload);
    const doubt = place?.doubt === true ? place.after : this.#doubts.get(workerId);
    if (doubt !== undefined) {
      const found = await this.#find(workerId, draft, doubt, signal);
      if (found !== undefined) {
        this.#settled(workerId, found);
        return { outcome: 'duplicate', seq: found };
      }
    }
    const before = place?.after ?? this.#known.get(workerId) ?? (await this.latest(workerId, signal));
    const { epoch, idempotency_key } = draft;
    const payload = { oa_mirror: { v: 1, epoch, idempotency_key }, body };
    const event = { event_type: `worker.${draft.kind}`, payload };
    // From here on it may have been appended, whatever happens.
    this.#doubts.set(workerId, before);
    let response: HttpResponse;
    try {
      const access = await this.#access();
      response = await this.#options.http({
        method: 'POST',
        url: workerUrl(access.url, workerId, '/events'),
        headers: { ...access.headers, authorization: `Bearer ${access.token}`, 'content-type': 'application/json' },
        body: canonicalJson({ event }),
        signal,
      });
    } catch (cause) {
      throw unknownOutcome(before, 'No answer came.', cause);
    }
    if (response.status !== 202) {
      // An answer that says no is an answer; one of a proxy says nothing of khala.
      if (response.status < 500) this.#doubts.delete(workerId);
      throw refusal(response, before);
    }
    const seq = accepted.safeParse(jsonOf(response.body)).data?.data.seq;
    if (seq === undefined) throw unknownOutcome(before, 'The answer names no sequence.');
    this.#settled(workerId, seq);
    return { outcome: 'appended', seq };
  }

  async latest(workerId: string, signal: AbortSignal = never): Promise<bigint> {
    const shown = await readLatest(await this.#access(), workerId, signal);
    if (shown.type === 'latest') return shown.latest;
    if (shown.type === 'closed' && shown.code === 'unknown_stream') return 0n;
    throw asError(shown);
  }

  /** Looks for the event among those after a sequence. */
  async #find(workerId: string, draft: KhalaDraft, after: bigint, signal: AbortSignal): Promise<bigint | undefined> {
    let cursor = after;
    for (;;) {
      const page = await readWorkerPage(await this.#access(), workerId, cursor, signal);
      if (page.type === 'closed' && page.code === 'unknown_stream') return undefined;
      if (page.type === 'stale') {
        const message = `Events after ${after} are no longer kept, so it cannot be told whether this one is among them.`;
        throw new KhalaError('read_back_unavailable', message, { details: { after: String(after) } });
      }
      if (page.type !== 'page') throw asError(page);
      const start = cursor;
      for (const raw of page.events) {
        if (isUnusable(raw))
          throw new KhalaError('undecodable', `An event after ${cursor} cannot be read: ${raw.code}.`);
        if (raw.seq > cursor) cursor = raw.seq;
        const event = syncEventOf(raw);
        if (isUnusable(event) || event.idempotency_key !== draft.idempotency_key) continue;
        if (event.payload !== draft.payload || event.kind !== draft.kind || event.epoch !== draft.epoch) {
          const message = `Event ${event.seq} has the same idempotency key and another content.`;
          throw new KhalaError('idempotency_conflict', message, { details: { seq: String(event.seq) } });
        }
        return event.seq;
      }
      this.#known.set(workerId, cursor);
      if (cursor >= page.latest || cursor === start) return undefined;
    }
  }

  #settled(workerId: string, seq: bigint): void {
    this.#doubts.delete(workerId);
    const known = this.#known.get(workerId);
    if (known === undefined || seq > known) this.#known.set(workerId, seq);
  }

  async #access(): Promise<WorkerApiAccess> {
    const { http, url, token, headers = {} } = this.#options;
    return { http, url, token: await token(), headers };
  }
}

function refusal(response: HttpResponse, before: bigint): KhalaError {
  const { status, body } = response;
  const name = codeInBody(body);
  const details = { status, ...(name === undefined ? {} : { khala_code: name }) };
  const message = `Khala answered the event with ${status}${name === undefined ? '' : `: ${name}`}.`;
  const wait = retryAfterMs(response);
  switch (status) {
    case 400:
    case 422:
      return new KhalaError('invalid_event', message, { details });
    case 403:
      if (name === undefined || name === 'forbidden' || name === 'owner_mismatch') {
        return new KhalaError('forbidden_worker', message, { details });
      }
      return new KhalaError('unauthorized', message, { details });
    case 404:
      return new KhalaError('unknown_worker', message, { details });
    case 409:
      return new KhalaError('worker_stopped', message, { details });
    case 413:
      return new KhalaError('payload_too_large', message, { details });
    case 429:
      return new KhalaError('rate_limited', message, { details: { ...details, retry_after_ms: wait } });
    default:
      if (status >= 500) return unknownOutcome(before, message);
      return new KhalaError(closeOfStatus(status, body).code, message, { details });
  }
}

function asError(outcome: WorkerRefusal): KhalaError {
  switch (outcome.type) {
    case 'closed':
      return new KhalaError(outcome.code === 'forbidden' ? 'forbidden_worker' : 'unknown_worker', outcome.message);
    case 'refused':
      return new KhalaError(outcome.close.code, outcome.close.message);
    case 'failed':
      return new KhalaError('server_error', outcome.message, { details: { retry_after_ms: outcome.retry_after_ms } });
    case 'stale':
      return new KhalaError('read_back_unavailable', 'The cursor is older than what is kept.');
  }
}

function unknownOutcome(after: bigint, why: string, cause?: unknown): KhalaError {
  const message = `Whether the event was appended is not known. ${why}`;
  return new KhalaError('publish_outcome_unknown', message, { details: { after: String(after) }, cause });
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
