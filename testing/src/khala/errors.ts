import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

/** What can go wrong with the khala fixture itself; what it answers to clients is khala's own business. */
export const khalaErrors = {
  invalid_fault: { recovery: 'stop', next: 'Name a fault of the table in testing/README.md, with its own fields.' },
  invalid_option: { recovery: 'stop', next: 'Correct the option that the message names.' },
  invalid_event: {
    recovery: 'stop',
    next: 'Send an event_type of 1 to 160 characters and a payload that JSON can carry.',
  },
  unknown_topic: { recovery: 'stop', next: 'Use one of the four topics of khala.' },
  unknown_worker: { recovery: 'stop', next: 'Publish an event of the worker first: that creates it.' },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of codes. */
export type KhalaErrorCode = keyof typeof khalaErrors;

/** A mistake in the use of the fixture. */
export class KhalaError extends CodedError<KhalaErrorCode> {
  override readonly name = 'KhalaError';

  constructor(code: KhalaErrorCode, message: string, options?: CodedErrorOptions) {
    super(khalaErrors, code, message, options);
  }
}
