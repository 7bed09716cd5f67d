import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

/** Every error of the publisher. What it survives stands in its status instead. */
export const projectionErrors = {
  state_locked: {
    recovery: 'ask-user',
    next: 'Another publisher uses this state file: end it, or choose another data folder.',
  },
  state_unusable: {
    recovery: 'ask-user',
    next: 'Move the file away: what was published is then sent again and counted as duplicates, nothing is lost.',
  },
  publisher_options: { recovery: 'ask-user', next: 'Correct the option that the message names.' },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of codes of the publisher. */
export type ProjectionErrorCode = keyof typeof projectionErrors;

/** An error of the publisher. */
export class ProjectionError extends CodedError<ProjectionErrorCode> {
  override readonly name = 'ProjectionError';

  constructor(code: ProjectionErrorCode, message: string, options?: CodedErrorOptions) {
    super(projectionErrors, code, message, options);
  }
}
