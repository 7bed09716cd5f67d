import { type Clock, type HttpClient, isSyncErrorCode, SyncError, type SyncErrorCode } from '@autopilot/sync-contract';
import { z } from 'zod';
import { buildInfo } from '../build-info.ts';

/** Control's answer, with its times in milliseconds since the Unix epoch. */
export interface GrantedToken {
  readonly token: string;
  readonly issued_at: number;
  readonly expires_at: number;
  readonly refresh_after: number;
  readonly subject: string;
  /** Hex. */
  readonly identity: string;
  readonly uri: string;
  readonly database: string;
  /** Streams that the account may read, as far as control knows them now. */
  readonly streams: readonly string[];
}

export interface TokenClientOptions {
  readonly http: HttpClient;
  readonly clock: Clock;
  /** Base URL of control. */
  readonly control: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

const seconds = z.number().positive();
const answerSchema = z.object({
  token: z.string().min(1),
  issued_at: seconds,
  expires_at: seconds,
  refresh_after: seconds,
  subject: z.string(),
  identity: z.string().regex(/^[0-9a-f]{64}$/),
  uri: z.url(),
  database: z.string().min(1),
  streams: z.array(z.object({ stream_id: z.string().min(1) })).default([]),
});
const refusalSchema = z.object({ code: z.string(), message: z.string() });

/**
 * Asks control for a token.
 *
 * @throws {SyncError} control's own code, `unavailable` when it does not answer or cannot serve now.
 */
export function createTokenClient(options: TokenClientOptions): (signal: AbortSignal) => Promise<GrantedToken> {
  const url = new URL('/v1/sync/token', options.control).href;
  const basic = Buffer.from(`${options.clientId}:${options.clientSecret}`).toString('base64');
  const headers = { authorization: `Basic ${basic}`, 'content-type': 'application/json' };
  return async (signal) => {
    const asked = options.clock.now();
    const request = { method: 'POST', url, headers, body: JSON.stringify(buildInfo), signal } as const;
    const response = await options.http(request).catch((cause: unknown) => {
      throw new SyncError('unavailable', 'Control does not answer.', { cause });
    });
    if (response.status !== 200) throw refusal(response.status, response.headers['retry-after'], response.body);
    const parsed = answerSchema.safeParse(parseJson(response.body));
    if (!parsed.success)
      throw new SyncError('unavailable', 'Control gave an answer to the token request that is no token.');
    return inLocalTime(parsed.data, asked);
  };
}

/**
 * Moves control's times onto this machine's clock: the token was issued between question and answer, whatever the two
 * clocks say. Without it a fast clock here would see only expired tokens.
 */
function inLocalTime(answer: z.infer<typeof answerSchema>, asked: number): GrantedToken {
  const shift = asked - answer.issued_at * 1000;
  // Less than this is what control's whole seconds and the way of the request explain.
  const by = Math.abs(shift) < 5000 ? 0 : shift;
  return {
    ...answer,
    issued_at: answer.issued_at * 1000 + by,
    expires_at: answer.expires_at * 1000 + by,
    refresh_after: answer.refresh_after * 1000 + by,
    streams: answer.streams.map(({ stream_id }) => stream_id),
  };
}

function refusal(status: number, retryAfter: string | undefined, body: string): SyncError {
  const parsed = refusalSchema.safeParse(parseJson(body));
  const wait = Number(retryAfter);
  const details = Number.isFinite(wait) && wait > 0 ? { retry_after_ms: wait * 1000 } : {};
  const message = parsed.success ? `Control: ${parsed.data.message}` : `Control answered ${status}.`;
  const named = parsed.success && isSyncErrorCode(parsed.data.code) ? parsed.data.code : undefined;
  return new SyncError(named ?? codeOfStatus(status), message, { details });
}

function codeOfStatus(status: number): SyncErrorCode {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 429) return 'rate_limited';
  return status >= 500 ? 'unavailable' : 'invalid_request';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
