import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

/** Every code of `./parity` with what to do about it. */
export const parityErrors = {
  invalid_options: { recovery: 'stop', next: 'Correct the option that the message names.' },
  invalid_rule: { recovery: 'stop', next: 'Correct the ignore rule that the message names.' },
  bad_recording: {
    recovery: 'stop',
    next: 'Correct or record again the line that details.side and details.line name.',
  },
  bad_window: { recovery: 'stop', next: 'Send a window as takeWindow() made it.' },
  pair_conflict: { recovery: 'stop', next: 'Merge only windows of the same pair of lanes.' },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of codes of `./parity`. */
export type ParityErrorCode = keyof typeof parityErrors;

/** An error of a comparator's set-up or of what was recorded. Offering events never throws. */
export class ParityError extends CodedError<ParityErrorCode> {
  override readonly name = 'ParityError';

  constructor(code: ParityErrorCode, message: string, options?: CodedErrorOptions) {
    super(parityErrors, code, message, options);
  }
}
