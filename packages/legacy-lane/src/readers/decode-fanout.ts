import { z } from 'zod';
import { type KhalaFrameError, undecodable, undecodableBy } from '../wire/decode-error.ts';
import { counter } from '../wire/schemas.ts';

const fanoutMessage = z.object({
  topic: z.string(),
  sequence: counter,
  kind: z.string(),
  payload: z.unknown(),
  published_at: z.string(),
});
const milliseconds = z.number().nonnegative();
const hello = z.object({
  type: z.literal('hello'),
  topic: z.string(),
  after_seq: counter,
  limit: z.number(),
  recommended_reconnect_backoff_ms: milliseconds,
});
const message = z.object({ type: z.literal('message'), message: fanoutMessage });
const staleFields = {
  topic: z.string(),
  requested_cursor: counter,
  oldest_available_cursor: counter,
  head_cursor: counter,
  reason_codes: z.array(z.string()),
  replay_lag: counter.nullish(),
  replay_budget_events: counter.nullish(),
};
const stale = z.object({ type: z.literal('stale_cursor'), ...staleFields });
const failure = z.object({
  type: z.literal('error'),
  code: z.enum(['slow_consumer_evicted', 'fanout_error']),
  message: z.string().optional().default(''),
});
const page = z.object({
  topic: z.string(),
  messages: z.array(fanoutMessage),
  oldest_available_cursor: counter,
  head_cursor: counter,
  next_cursor: counter,
  replay_complete: z.boolean(),
  recommended_reconnect_backoff_ms: milliseconds,
});
const refusal = z.object({ error: z.looseObject({ code: z.string() }) });

/** One message of the Rust fan-out, in dialects B and C alike. */
export type FanoutMessage = Readonly<z.output<typeof fanoutMessage>>;
/** Why the fan-out cannot go on from a cursor. `oldest_available_cursor` is the lowest one it serves. */
export type FanoutStale = Readonly<Omit<z.output<typeof stale>, 'type'>>;
/** A text of dialect B. */
export type FanoutFrame = Readonly<
  z.output<typeof hello> | z.output<typeof message> | z.output<typeof stale> | z.output<typeof failure>
>;
/** A body of dialect C. */
export type PollResponse =
  | ({ readonly type: 'page' } & Readonly<z.output<typeof page>>)
  | ({ readonly type: 'stale_cursor' } & FanoutStale)
  | { readonly type: 'too_soon'; readonly retry_after_ms: number }
  | { readonly type: 'evicted' }
  | { readonly type: 'refused'; readonly code: string; readonly reason_code: string | undefined };

const schemas = { hello, message, stale_cursor: stale, error: failure } as const;

/** Reads a text of dialect B. Never throws. */
export function decodeFanoutMessage(text: string): FanoutFrame | KhalaFrameError {
  const value = parse(text);
  if (value === undefined) return undecodable('not_json', '', 'The message is not a JSON object.', text);
  const { type } = value;
  if (typeof type !== 'string' || !Object.hasOwn(schemas, type)) {
    return undecodable(type === undefined ? 'missing_field' : 'unknown_kind', '/type', 'No known type.', text);
  }
  const result = schemas[type as keyof typeof schemas].safeParse(value, { reportInput: true });
  return result.success ? (result.data as FanoutFrame) : undecodableBy(result.error, '', text);
}

/** Reads a body of dialect C, of an answer with any status. Never throws. */
export function decodePollResponse(text: string): PollResponse | KhalaFrameError {
  const value = parse(text);
  if (value === undefined) return undecodable('not_json', '', 'The body is not a JSON object.', text);
  if (!('error' in value)) {
    const result = page.safeParse(value, { reportInput: true });
    return result.success ? { type: 'page', ...result.data } : undecodableBy(result.error, '', text);
  }
  const refused = refusal.safeParse(value, { reportInput: true });
  if (!refused.success) return undecodableBy(refused.error, '', text);
  const { error } = refused.data;
  if (error.code === 'stale_cursor') {
    const result = z.object(staleFields).safeParse(error, { reportInput: true });
    return result.success ? { type: 'stale_cursor', ...result.data } : undecodableBy(result.error, '/error', text);
  }
  if (error.code === 'poll_interval_guard') {
    const result = milliseconds.safeParse(error.retry_after_ms, { reportInput: true });
    if (!result.success) return undecodableBy(result.error, '/error/retry_after_ms', text);
    return { type: 'too_soon', retry_after_ms: result.data };
  }
  if (error.code === 'slow_consumer_evicted') return { type: 'evicted' };
  const reason = error.reason_code;
  return { type: 'refused', code: error.code, reason_code: typeof reason === 'string' ? reason : undefined };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return value as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
