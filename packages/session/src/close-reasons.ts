import type { ErrorSpec, SyncError } from '@autopilot/sync-contract';

/** Where a session goes when a connection, or the attempt to make one, ends. */
export type Aftermath = 'backoff' | 'refresh' | 'needs-auth' | 'failed' | 'none';

interface CloseReason extends ErrorSpec {
  readonly aftermath: Aftermath;
}

/** Why a connection, or the attempt to make one, ended, and what follows. Closed: nothing is decided by a text. */
export const closeReasons = {
  closed_by_owner: { aftermath: 'none', recovery: 'stop', next: 'Open a new session to connect again.' },
  handed_over: {
    aftermath: 'none',
    recovery: 'stop',
    next: 'Nothing: another connection with a newer token took over.',
  },
  token_unavailable: {
    aftermath: 'backoff',
    recovery: 'retry',
    next: 'Nothing to do: the token provider is asked again after a pause. If it stays, look at control.',
  },
  token_invalid: {
    aftermath: 'backoff',
    recovery: 'retry',
    next: 'The token provider gave an answer that cannot be used; correct the provider.',
  },
  token_refused: {
    aftermath: 'needs-auth',
    recovery: 'ask-user',
    next: 'The token provider refuses this account; the message tells why. Sign in again or ask for access.',
  },
  unauthorized: {
    aftermath: 'refresh',
    recovery: 'refresh-token',
    next: 'The token was refused. If a fresh one is refused as well, sign in again.',
  },
  forbidden: { aftermath: 'needs-auth', recovery: 'ask-user', next: 'Use an account that may read this database.' },
  identity_changed: {
    aftermath: 'needs-auth',
    recovery: 'ask-user',
    next: 'The token provider answered for another account: open a new session for it.',
  },
  refused_by_module: {
    aftermath: 'failed',
    recovery: 'ask-user',
    next: 'The module refuses this client; the message tells why (often: install another version).',
  },
  rejected: { aftermath: 'backoff', recovery: 'retry', next: 'The module refused the connection; it is tried again.' },
  database_not_found: {
    aftermath: 'failed',
    recovery: 'ask-user',
    next: 'Check the database name and publish the module.',
  },
  bad_request: {
    aftermath: 'failed',
    recovery: 'stop',
    next: 'The server refuses the form of the request; see message.',
  },
  unsupported_protocol: {
    aftermath: 'failed',
    recovery: 'ask-user',
    next: 'The server speaks neither v3 nor v2: use a SpacetimeDB of the 2.x line.',
  },
  query_refused: {
    aftermath: 'failed',
    recovery: 'ask-user',
    next: 'The database does not hold the tables of autopilot-sync: publish it there, or use streams: false.',
  },
  subscription_lost: { aftermath: 'backoff', recovery: 'retry', next: 'Nothing to do: the session connects again.' },
  protocol_error: {
    aftermath: 'backoff',
    recovery: 'retry',
    next: 'The server sent something that the protocol does not know. If it stays, compare versions.',
  },
  unexpected_status: { aftermath: 'backoff', recovery: 'retry', next: 'Check what stands between client and server.' },
  server_error: {
    aftermath: 'backoff',
    recovery: 'retry',
    next: 'Nothing to do: tried again. If it stays, see the server.',
  },
  rate_limited: { aftermath: 'backoff', recovery: 'retry', next: 'Nothing to do: tried again when the server allows.' },
  module_replaced: { aftermath: 'backoff', recovery: 'retry', next: 'Nothing to do: the session connects again.' },
  execution_error: {
    aftermath: 'backoff',
    recovery: 'retry',
    next: 'The server could not carry out a request of this connection. If it stays, see its log.',
  },
  network: { aftermath: 'backoff', recovery: 'retry', next: 'Nothing to do: the session connects again.' },
  connect_timeout: { aftermath: 'backoff', recovery: 'retry', next: 'Nothing to do: the session connects again.' },
  silent: {
    aftermath: 'backoff',
    recovery: 'retry',
    next: 'Nothing to do: the connection was dead; a new one is made.',
  },
  no_progress: {
    aftermath: 'backoff',
    recovery: 'retry',
    next: 'Nothing to do: a request hung, or nothing new was heard; a new connection is made.',
  },
  refresh_overdue: {
    aftermath: 'backoff',
    recovery: 'retry',
    next: 'Nothing to do: the token could not be replaced in time, so the session connects again.',
  },
  database_moved: {
    aftermath: 'backoff',
    recovery: 'retry',
    next: 'Nothing to do: the new token leads to another database, so the session connects there.',
  },
} as const satisfies Record<string, CloseReason>;

/** The closed union of reasons. */
export type CloseCode = keyof typeof closeReasons;

/** How a connection, or the attempt to make one, ended. */
export interface Close {
  readonly code: CloseCode;
  /** For a person, without secrets. */
  readonly message: string;
  /** Milliseconds that the other side asked to wait. */
  readonly retry_after_ms?: number;
}

/** An answer to the upgrade other than 101. By status only. */
export function closeOfStatus(status: number, body: string, retryAfterMs?: number): Close {
  const message = `The server answered the upgrade with ${status}${body === '' ? '' : `: ${body.slice(0, 300)}`}`;
  const retry = retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs };
  return { code: codeOfStatus(status), message, ...retry };
}

function codeOfStatus(status: number): CloseCode {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'database_not_found';
  if (status === 429) return 'rate_limited';
  if (status === 400 || status === 426) return 'bad_request';
  return status >= 500 ? 'server_error' : 'unexpected_status';
}

/** The close of a websocket that was in use. By close code only. */
export function closeOfSocket(code: number, reason: string): Close {
  const message = `The connection ended with ${code}${reason === '' ? '' : `: ${reason}`}`;
  if (code === 1001 || code === 1012) return { code: 'module_replaced', message };
  if (code === 1011) return { code: 'execution_error', message };
  if (code === 1013) return { code: 'rate_limited', message };
  if (code === 1002 || code === 1003 || code === 1007) return { code: 'protocol_error', message };
  return { code: 'network', message };
}

/** What the module said when it refused a connection. */
export function closeOfRejection(error: SyncError): Close {
  const message = `The module refused the connection: ${error.code}: ${error.message}`;
  if (error.code === 'forbidden') return { code: 'forbidden', message };
  if (error.recovery === 'refresh-token') return { code: 'unauthorized', message };
  if (error.recovery === 'retry') return { code: 'rejected', message };
  return { code: 'refused_by_module', message };
}
