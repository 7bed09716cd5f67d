import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

/** What can go wrong when a database is opened or written. */
export const engineErrors = {
  module_invalid: {
    recovery: 'stop',
    next: 'Correct the module as the message says, build it again and open the database with the new bundle.',
  },
  module_unsupported: {
    recovery: 'stop',
    next: 'Leave out the feature that the message names, or run this module on a full SpacetimeDB server.',
  },
  init_failed: {
    recovery: 'stop',
    next: 'Correct the init reducer of the module; the database was not created.',
  },
  log_corrupt: {
    recovery: 'stop',
    next: 'Restore the data directory from a copy, or open it with salvage, without what is damaged. Nothing was changed.',
  },
  data_dir_unusable: {
    recovery: 'ask-user',
    next: 'Check that the data directory can be read and written and has free space, then open it again.',
  },
  data_dir_locked: {
    recovery: 'ask-user',
    next: 'Stop the other process that has this data directory open, or choose another directory.',
  },
  owner_mismatch: {
    recovery: 'ask-user',
    next: 'Open the database with the owner and database identity that it was created with.',
  },
  view_failed: {
    recovery: 'retry',
    next: 'Look at the log of the module for what the view threw, and subscribe again when it is corrected.',
  },
  view_not_held: { recovery: 'stop', next: 'Hold the view before reading its rows.' },
  reentrant_call: { recovery: 'stop', next: 'Call the database after the listener has returned.' },
  closed: {
    recovery: 'stop',
    next: 'Open the database again before calling it.',
  },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of the engine's error codes. */
export type EngineErrorCode = keyof typeof engineErrors;

/** An error of opening or running a database. */
export class EngineError extends CodedError<EngineErrorCode> {
  override readonly name = 'EngineError';

  constructor(code: EngineErrorCode, message: string, options?: CodedErrorOptions) {
    super(engineErrors, code, message, options);
  }
}
