import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';
import { type CloseCode, closeReasons } from './close-reasons.ts';

/** What a session says to a person, for every code that is not the end of a connection. */
const callErrors = {
  invalid_options: { recovery: 'stop', next: 'Correct the option that the message names.' },
  read_only: { recovery: 'stop', next: 'Open a session without readOnly to write.' },
  streams_disabled: {
    recovery: 'stop',
    next: 'Open a session without streams: false, on a database that runs the module autopilot-sync.',
  },
  session_closed: { recovery: 'stop', next: 'Open a new session.' },
  call_not_sent: { recovery: 'retry', next: 'Nothing was sent: call again when the session is connected.' },
  call_queue_full: { recovery: 'retry', next: 'Nothing was sent: wait until earlier calls have settled.' },
  call_aborted: { recovery: 'stop', next: 'The caller took the call back; details.sent tells if it may have run.' },
  call_deadline: {
    recovery: 'retry',
    next: 'If details.sent is true it may have run: call again with the same idempotency key.',
  },
  call_outcome_unknown: {
    recovery: 'retry',
    next: 'The connection ended before the answer: call again with the same idempotency key.',
  },
  reducer_failed: { recovery: 'stop', next: 'Look at the log of the module: the reducer trapped or does not exist.' },
  procedure_failed: { recovery: 'retry', next: 'Look at the log of the module: the procedure trapped or is missing.' },
  receipt_missing: {
    recovery: 'retry',
    next: 'The event was appended; call again with the same idempotency key to learn where.',
  },
  subscription_failed: { recovery: 'stop', next: 'Correct the query that the message names and subscribe again.' },
  schema_unreadable: { recovery: 'stop', next: 'Ask a SpacetimeDB of 2.x for the schema with ?version=10.' },
} as const satisfies Record<string, ErrorSpec>;

/** Every code of this package with what to do about it. */
export const sessionErrors = { ...callErrors, ...closeReasons } as const satisfies Record<string, ErrorSpec>;

/** The closed union of this package's codes. */
export type SessionErrorCode = keyof typeof callErrors | CloseCode;

/** An error of a session or of one of its calls. */
export class SessionError extends CodedError<SessionErrorCode> {
  override readonly name = 'SessionError';

  constructor(code: SessionErrorCode, message: string, options?: CodedErrorOptions) {
    super(sessionErrors, code, message, options);
  }
}
