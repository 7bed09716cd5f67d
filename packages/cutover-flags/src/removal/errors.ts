import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

/** Every code of `./removal` with what to do about it. */
export const removalErrors = {
  invalid_options: { recovery: 'stop', next: 'Correct the option that the message names.' },
  bad_allow_file: { recovery: 'stop', next: 'Correct the entry of the allow file that the message names.' },
  tree_unreadable: { recovery: 'stop', next: 'Check that the folder exists and may be read.' },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of codes of `./removal`. */
export type RemovalErrorCode = keyof typeof removalErrors;

/** An error of a scan. What is found in the tree is never an error: it is a finding. */
export class RemovalError extends CodedError<RemovalErrorCode> {
  override readonly name = 'RemovalError';

  constructor(code: RemovalErrorCode, message: string, options?: CodedErrorOptions) {
    super(removalErrors, code, message, options);
  }
}
