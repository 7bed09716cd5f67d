import type { HttpClient, HttpRequest, HttpResponse } from '@autopilot/sync-contract';
import { z } from 'zod';
import { type Close, closeOfStatus, codeInBody } from '../lane/close-reasons.ts';
import { counter } from '../wire/schemas.ts';
import { decodeWorkerEvent, type WorkerEvent, type WorkerEventError } from '../wire/worker-event.ts';

/** What came of reading a worker's stream after a sequence. */
export type WorkerPage =
  | {
      readonly type: 'page';
      /** In the order of khala, which is not checked here. */
      readonly events: readonly (WorkerEvent | WorkerEventError)[];
      readonly latest: bigint;
    }
  /** The cursor is older than what is kept; the floor only where khala names it. */
  | { readonly type: 'stale'; readonly floor: bigint | undefined }
  | { readonly type: 'closed'; readonly code: 'unknown_stream' | 'forbidden'; readonly message: string }
  /** It concerns the whole lane: the token or the client is refused. */
  | { readonly type: 'refused'; readonly close: Close }
  | { readonly type: 'failed'; readonly message: string; readonly retry_after_ms: number };

/** What a read comes to when it brings nothing. */
export type WorkerRefusal = Exclude<WorkerPage, { type: 'page' }>;

/** Where and as whom to ask. */
export interface WorkerApiAccess {
  readonly http: HttpClient;
  readonly url: string;
  readonly token: string;
  readonly headers: Readonly<Record<string, string>>;
}

const latest = z.object({ latest_seq: counter });
const camel = z.object({ latestSeq: counter });
const data = z.object({ data: z.record(z.string(), z.unknown()) });
const staleBody = z.object({ error: z.object({ oldest_available_cursor: counter }) });

/** The URL of a worker's endpoint. */
export function workerUrl(url: string, workerId: string, rest = ''): string {
  return `${url.replace(/\/+$/, '')}/api/runtime/codex/workers/${encodeURIComponent(workerId)}${rest}`;
}

/** Reads the events after a sequence, and how long the stream is. Rejects only when no answer came. */
export async function readWorkerPage(
  access: WorkerApiAccess,
  workerId: string,
  cursor: bigint,
  signal: AbortSignal,
): Promise<WorkerPage> {
  // tail_ms is how long khala may wait for more: here it is to answer at once.
  const page = await get(access, workerUrl(access.url, workerId, `/stream?cursor=${cursor}&tail_ms=1`), signal);
  if (page.status === 410) {
    return { type: 'stale', floor: staleBody.safeParse(jsonOf(page.body)).data?.error.oldest_available_cursor };
  }
  if (page.status !== 200) return outcomeOf(page);
  const fields = data.safeParse(jsonOf(page.body)).data?.data;
  if (fields === undefined || !Array.isArray(fields.events)) {
    return { type: 'failed', message: 'The page of the stream has no data.events.', retry_after_ms: 0 };
  }
  const events = fields.events.map((event) => decodeWorkerEvent(event, workerId));
  const told = latestIn(fields, fields.snapshot, fields.worker);
  if (told !== undefined) return { type: 'page', events, latest: told };
  const worker = await get(access, workerUrl(access.url, workerId), signal);
  if (worker.status !== 200) return outcomeOf(worker);
  const shown = latestIn(data.safeParse(jsonOf(worker.body)).data?.data);
  if (shown === undefined) return { type: 'failed', message: 'The worker has no data.latest_seq.', retry_after_ms: 0 };
  return { type: 'page', events, latest: shown };
}

/**
 * The lowest cursor that khala still serves, found by asking: khala says only that a cursor is too old. At most 64
 * questions. Undefined when an answer was neither yes nor no.
 */
export async function findFloor(
  access: WorkerApiAccess,
  workerId: string,
  staleAt: bigint,
  head: bigint,
  signal: AbortSignal,
): Promise<bigint | undefined> {
  let stale = staleAt;
  let served = head;
  while (served - stale > 1n) {
    const middle = (stale + served) / 2n;
    const url = workerUrl(access.url, workerId, `/stream?cursor=${middle}&tail_ms=1`);
    const { status } = await get(access, url, signal);
    if (status === 410) stale = middle;
    else if (status === 200) served = middle;
    else return undefined;
  }
  return served;
}

/** `latest_seq` of a worker by its own endpoint. */
export async function readLatest(
  access: WorkerApiAccess,
  workerId: string,
  signal: AbortSignal,
): Promise<WorkerRefusal | { readonly type: 'latest'; readonly latest: bigint }> {
  const worker = await get(access, workerUrl(access.url, workerId), signal);
  if (worker.status !== 200) return outcomeOf(worker);
  const shown = latestIn(data.safeParse(jsonOf(worker.body)).data?.data);
  if (shown === undefined) return { type: 'failed', message: 'The worker has no data.latest_seq.', retry_after_ms: 0 };
  return { type: 'latest', latest: shown };
}

/** Milliseconds of a Retry-After in seconds; 0 without one. */
export function retryAfterMs(response: HttpResponse): number {
  const seconds = Number(response.headers['retry-after'] ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
}

function get(access: WorkerApiAccess, url: string, signal: AbortSignal): Promise<HttpResponse> {
  const headers = { ...access.headers, authorization: `Bearer ${access.token}`, accept: 'application/json' };
  const request: HttpRequest = { method: 'GET', url, headers, signal };
  return access.http(request);
}

function outcomeOf(response: HttpResponse): WorkerRefusal {
  const { status, body } = response;
  const code = codeInBody(body);
  if (status === 404) return { type: 'closed', code: 'unknown_stream', message: 'Khala has no such worker.' };
  if (status === 403 && (code === undefined || code === 'forbidden' || code === 'owner_mismatch')) {
    return { type: 'closed', code: 'forbidden', message: 'The worker belongs to another account.' };
  }
  if (status === 401 || status === 403 || status === 426) {
    return { type: 'refused', close: closeOfStatus(status, body) };
  }
  const message = `Khala answered the read with ${status}${code === undefined ? '' : `: ${code}`}.`;
  return { type: 'failed', message, retry_after_ms: retryAfterMs(response) };
}

function latestIn(...places: readonly unknown[]): bigint | undefined {
  for (const place of places) {
    const found = latest.safeParse(place).data?.latest_seq ?? camel.safeParse(place).data?.latestSeq;
    if (found !== undefined) return found;
  }
  return undefined;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
