import {
  type HttpClient,
  isSyncErrorCode,
  type Scheduler,
  streamIdForTopic,
  syncErrors,
} from '@autopilot/sync-contract';
import { z } from 'zod';
import type { ProjectedEvent } from './project-entry.ts';

/** Why a batch, or an item of it, was not taken. */
export interface Refusal {
  /** A code of control, or `unreachable`, `timeout` or `unexpected_answer` where there was none. */
  readonly code: string;
  readonly message: string;
}

/** What became of one request. */
export type PostOutcome =
  | { readonly type: 'accepted'; readonly duplicates: number }
  /** These items are refused for good; nothing of the request was taken. */
  | { readonly type: 'items-refused'; readonly items: ReadonlyMap<number, Refusal> }
  /** The request as a whole is refused for good, without saying which item is to blame. */
  | { readonly type: 'refused'; readonly refusal: Refusal }
  /** The caller is refused: a person has to act, nothing is wrong with the events. */
  | { readonly type: 'not-allowed'; readonly refusal: Refusal }
  | { readonly type: 'retry'; readonly refusal: Refusal; readonly retry_after_ms: number };

/** Options of {@link postEvents}. */
export interface PostOptions {
  /** Base URL of control. */
  readonly url: string;
  readonly http: HttpClient;
  readonly scheduler: Scheduler;
  readonly authorization: () => string | Promise<string>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const acceptedSchema = z.object({
  duplicates: z.number().int().nonnegative(),
  events: z.array(
    z.object({ stream_id: z.string(), idempotency_key: z.string(), outcome: z.enum(['accepted', 'duplicate']) }),
  ),
});
const refusedSchema = z.object({
  code: z.string(),
  message: z.string(),
  details: z
    .object({
      items: z
        .array(z.object({ index: z.number().int().nonnegative(), code: z.string(), message: z.string() }))
        .optional(),
    })
    .optional(),
});

/** Sends events to `POST /v1/projections` and says what became of them. Never rejects, never waits without end. */
export async function postEvents(events: readonly ProjectedEvent[], options: PostOptions): Promise<PostOutcome> {
  const abort = new AbortController();
  const signal = AbortSignal.any([abort.signal, options.signal]);
  // The race is needed beside the signal: a client that ignores it must not hold the publisher for ever.
  const timeout = Promise.withResolvers<PostOutcome>();
  const cancel = options.scheduler.after(options.timeoutMs, () => {
    abort.abort();
    timeout.resolve(retry('timeout', `Control did not answer within ${options.timeoutMs / 1000} s.`));
  });
  const aborted = (): void => timeout.resolve(retry('unreachable', 'The publisher was stopped.'));
  options.signal.addEventListener('abort', aborted, { once: true });
  try {
    return await Promise.race([send(events, options, signal), timeout.promise]);
  } catch (error) {
    return retry(
      'unreachable',
      `Control cannot be reached: ${error instanceof Error ? error.message : String(error)}.`,
    );
  } finally {
    cancel();
    options.signal.removeEventListener('abort', aborted);
  }
}

async function send(
  events: readonly ProjectedEvent[],
  { url, http, authorization }: PostOptions,
  signal: AbortSignal,
): Promise<PostOutcome> {
  const response = await http({
    method: 'POST',
    url: new URL('/v1/projections', url).href,
    headers: { 'content-type': 'application/json', authorization: await authorization() },
    body: JSON.stringify({ events }),
    signal,
  });
  const body = parse(response.body);
  if (response.status === 202) return readAccepted(events, body);
  const known = refusedSchema.safeParse(body);
  const status = `Control answered with status ${response.status}`;
  if (!known.success) return retry('unexpected_answer', `${status} and no error of its own.`);
  const { code, message, details } = known.data;
  const refusal = { code, message };
  const items = new Map((details?.items ?? []).filter((i) => i.index < events.length).map((i) => [i.index, i]));
  // Without a grant for anything, it is the caller that is wrong, not each of the events.
  if (response.status === 401 || (response.status === 403 && items.size % events.length === 0)) {
    return { type: 'not-allowed', refusal };
  }
  if (response.status >= 400 && response.status < 500 && response.status !== 429) {
    if (items.size > 0) return { type: 'items-refused', items };
    if (isSyncErrorCode(code) && syncErrors[code].recovery === 'stop') return { type: 'refused', refusal };
  }
  const seconds = Number(response.headers['retry-after'] ?? 0);
  return { ...retry(code, message), retry_after_ms: Number.isFinite(seconds) ? Math.max(0, seconds) * 1000 : 0 };
}

/** A 202 counts only when it speaks of exactly these events: anything else says nothing about them. */
function readAccepted(events: readonly ProjectedEvent[], body: unknown): PostOutcome {
  const answer = acceptedSchema.safeParse(body);
  const complete =
    answer.success &&
    answer.data.events.length === events.length &&
    events.every((event, index) => {
      const said = answer.data.events[index];
      return said?.idempotency_key === event.idempotency_key && said.stream_id === streamIdForTopic(event.topic);
    });
  if (!complete) return retry('unexpected_answer', 'Control accepted something, but not the events that were sent.');
  return { type: 'accepted', duplicates: answer.data.events.filter((event) => event.outcome === 'duplicate').length };
}

function retry(code: string, message: string): Extract<PostOutcome, { type: 'retry' }> {
  return { type: 'retry', refusal: { code, message }, retry_after_ms: 0 };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
