import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

/** What the router refuses. */
export const commsErrors = {
  writes_refused: {
    recovery: 'stop',
    next: 'Nothing is written to spacetime as long as the stage keeps it hidden; the rule in the message says so.',
  },
  lane_not_open: { recovery: 'retry', next: 'The lane that takes writes is not open yet; wait until it is.' },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of codes of the router. */
export type CommsErrorCode = keyof typeof commsErrors;

/** An error of the router. */
export class CommsError extends CodedError<CommsErrorCode> {
  override readonly name = 'CommsError';

  constructor(code: CommsErrorCode, message: string, options?: CodedErrorOptions) {
    super(commsErrors, code, message, options);
  }
}
