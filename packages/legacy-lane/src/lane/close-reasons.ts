import type { ErrorSpec } from '@autopilot/sync-contract';

/** Where the lane goes when a connection, or the attempt to make one, ends. */
export type Aftermath = 'backoff' | 'refresh' | 'needs-auth' | 'failed' | 'none';

interface CloseReason extends ErrorSpec {
  readonly aftermath: Aftermath;
}

const again = 'Nothing to do: the lane connects again from its cursor.';
const otherVersion = 'Install a client that this khala accepts; the message tells its window.';

/** Why a connection to khala, or the attempt to make one, ended, and what follows. Decided by codes only. */
export const khalaCloseReasons = {
  closed_by_owner: { aftermath: 'none', recovery: 'stop', next: 'Make a new lane to connect again.' },
  token_unavailable: { aftermath: 'backoff', recovery: 'retry', next: 'Nothing to do: the provider is asked again.' },
  token_invalid: { aftermath: 'backoff', recovery: 'retry', next: 'Correct the token provider: see the message.' },
  token_refused: { aftermath: 'needs-auth', recovery: 'ask-user', next: 'Sign in again or ask for access.' },
  unauthorized: {
    aftermath: 'refresh',
    recovery: 'refresh-token',
    next: 'A fresh token is tried once; if that is refused as well, sign in again.',
  },
  reauth_required: {
    aftermath: 'refresh',
    recovery: 'refresh-token',
    next: 'The session was revoked: a fresh token is tried once, then sign in again.',
  },
  forbidden_topic: { aftermath: 'needs-auth', recovery: 'ask-user', next: 'Use a token with the scope of the topic.' },
  invalid_client_build: { aftermath: 'failed', recovery: 'ask-user', next: otherVersion },
  unsupported_protocol_version: { aftermath: 'failed', recovery: 'ask-user', next: otherVersion },
  unsupported_schema_version: { aftermath: 'failed', recovery: 'ask-user', next: otherVersion },
  upgrade_required: { aftermath: 'failed', recovery: 'ask-user', next: otherVersion },
  unsupported_client_build: { aftermath: 'failed', recovery: 'ask-user', next: otherVersion },
  bad_topic: { aftermath: 'failed', recovery: 'stop', next: 'This is no khala of dialect A: check the URL.' },
  bad_subscription: { aftermath: 'failed', recovery: 'stop', next: 'Khala refuses the form of the subscription.' },
  not_found: { aftermath: 'failed', recovery: 'ask-user', next: 'Check the URL of khala.' },
  renewed: { aftermath: 'none', recovery: 'retry', next: 'Nothing to do: the lane reconnects with a newer token.' },
  join_refused: { aftermath: 'backoff', recovery: 'retry', next: 'Nothing to do: the channel is joined again.' },
  stale_again: { aftermath: 'backoff', recovery: 'retry', next: 'Nothing to do: see the retention of the topic.' },
  slow_consumer: { aftermath: 'backoff', recovery: 'retry', next: 'Nothing to do: connects again when khala allows.' },
  channel_error: { aftermath: 'backoff', recovery: 'retry', next: again },
  channel_closed: { aftermath: 'backoff', recovery: 'retry', next: again },
  protocol_error: { aftermath: 'backoff', recovery: 'retry', next: 'If it stays, compare versions: see the message.' },
  missed_updates: { aftermath: 'backoff', recovery: 'retry', next: again },
  silent: { aftermath: 'backoff', recovery: 'retry', next: again },
  connect_timeout: { aftermath: 'backoff', recovery: 'retry', next: again },
  no_answer: { aftermath: 'backoff', recovery: 'retry', next: again },
  refresh_overdue: { aftermath: 'backoff', recovery: 'retry', next: 'Nothing to do: connects again with a new token.' },
  network: { aftermath: 'backoff', recovery: 'retry', next: again },
  server_error: {
    aftermath: 'backoff',
    recovery: 'retry',
    next: 'Nothing to do: tried again. If it stays, see khala.',
  },
  rate_limited: { aftermath: 'backoff', recovery: 'retry', next: 'Nothing to do: tried again when khala allows.' },
  unexpected_status: { aftermath: 'backoff', recovery: 'retry', next: 'Check what stands between client and khala.' },
} as const satisfies Record<string, CloseReason>;

/** The closed union of reasons. */
export type KhalaCloseCode = keyof typeof khalaCloseReasons;

/** How a connection, or the attempt to make one, ended. */
export interface Close {
  readonly code: KhalaCloseCode;
  /** For a person, without secrets. */
  readonly message: string;
  /** Milliseconds that khala asked to wait. */
  readonly retry_after_ms?: number;
}

/** An answer of khala by HTTP status, to the upgrade or to a read. A body is shown only as far as it names a code. */
export function closeOfStatus(status: number, body: string, retryAfterMs?: number): Close {
  const name = codeInBody(body);
  const message = `Khala answered with ${status}${name === undefined ? '' : `: ${name}`}`;
  const retry = retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs };
  return { code: codeOfStatus(status, name), message, ...retry };
}

function codeOfStatus(status: number, name: string | undefined): KhalaCloseCode {
  if (status === 401 || status === 403) return name === 'forbidden_topic' ? 'forbidden_topic' : 'unauthorized';
  if (status === 404) return 'not_found';
  if (status === 426) return isCompatibilityCode(name) ? name : 'upgrade_required';
  if (status === 429) return 'rate_limited';
  return status >= 500 ? 'server_error' : 'unexpected_status';
}

type CompatibilityCode = Extract<
  KhalaCloseCode,
  | 'invalid_client_build'
  | 'unsupported_protocol_version'
  | 'unsupported_schema_version'
  | 'upgrade_required'
  | 'unsupported_client_build'
>;

function isCompatibilityCode(name: string | undefined): name is CompatibilityCode {
  return (
    name !== undefined && Object.hasOwn(khalaCloseReasons, name) && /^(invalid_client|unsupported_|upgrade_)/.test(name)
  );
}

/** The code in khala's error bodies: `{error: {code}}`, `{error: "code"}` or `{code}`. */
export function codeInBody(body: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { error, code } = value as { error?: unknown; code?: unknown };
  const inner = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : error;
  const name = inner ?? code;
  return typeof name === 'string' && /^[\w.-]{1,64}$/.test(name) ? name : undefined;
}
