import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';
import { khalaCloseReasons } from './lane/close-reasons.ts';

/** What the readers and the publisher say, beside the ends of connections. */
const callErrors = {
  invalid_options: { recovery: 'stop', next: 'Correct the option that the message names.' },
  lane_closed: { recovery: 'stop', next: 'Make a new lane.' },
  unknown_worker: { recovery: 'ask-user', next: 'Create the worker on khala, or check the stream id.' },
  worker_stopped: { recovery: 'ask-user', next: 'Start the worker on khala again; it takes no events while stopped.' },
  forbidden_worker: { recovery: 'ask-user', next: 'Use an account that owns the worker.' },
  invalid_event: { recovery: 'stop', next: 'Correct the event: khala refuses its type or its form.' },
  payload_too_large: { recovery: 'stop', next: 'Send a smaller payload, or a reference to where it is stored.' },
  publish_outcome_unknown: {
    recovery: 'retry',
    next: 'Publish again with the same idempotency key: the stream is read back before anything is sent twice.',
  },
  read_back_unavailable: {
    recovery: 'ask-user',
    next: 'The part of the stream where the event may be is no longer kept: compare with the journal by hand.',
  },
  idempotency_conflict: { recovery: 'stop', next: 'Use a new idempotency key: this one names another payload.' },
  undecodable: { recovery: 'retry', next: 'Khala answered with something unknown: compare versions.' },
} as const satisfies Record<string, ErrorSpec>;

/** Every code of this package with what to do about it. */
export const khalaErrors = { ...callErrors, ...khalaCloseReasons } as const satisfies Record<string, ErrorSpec>;

/** The closed union of this package's codes. */
export type KhalaErrorCode = keyof typeof khalaErrors;

/** An error of the khala adapter. */
export class KhalaError extends CodedError<KhalaErrorCode> {
  override readonly name = 'KhalaError';

  constructor(code: KhalaErrorCode, message: string, options?: CodedErrorOptions) {
    super(khalaErrors, code, message, options);
  }
}
