import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

/** Every code of this package. A call that throws one of them has changed nothing. */
export const bridgeErrors = {
  invalid_option: { recovery: 'stop', next: 'Correct the option that the message names.' },
  invalid_event: { recovery: 'stop', next: 'Correct the member that the message names; nothing was stored or sent.' },
  idempotency_conflict: { recovery: 'stop', next: 'Use another key: this one names an event with other contents.' },
  signer_failed: {
    recovery: 'retry',
    next: 'Look at the cause: the signer refused, failed or did not answer in time.',
  },
  journal_failed: { recovery: 'retry', next: 'Look at the cause: the journal failed or did not answer in time.' },
  decryption_failed: { recovery: 'stop', next: 'The content was not encrypted for this key: drop the event.' },
  unknown_job: { recovery: 'stop', next: 'Name a job that is stored, by its role and the id of its request.' },
  job_refused: { recovery: 'stop', next: 'The job is in a state that does not allow this; read it and decide again.' },
  closed: { recovery: 'stop', next: 'Open the store again: this one has been closed.' },
  locked: { recovery: 'ask-user', next: 'Another bridge uses this file: end it, or give this one a file of its own.' },
  schema_newer: { recovery: 'ask-user', next: 'Install the version that wrote the file. It was left as it is.' },
  not_a_bridge_file: {
    recovery: 'ask-user',
    next: 'The file is of another program and was left as it is: name another.',
  },
  unusable_file: {
    recovery: 'ask-user',
    next: 'Check that the file and its folder exist and may be used by this account.',
  },
  disk_full: { recovery: 'retry', next: 'Free space, then try again: nothing that was stored is lost.' },
  corrupt: {
    recovery: 'ask-user',
    next: 'Set the damaged file aside; the bridge makes a new one, and forgets its outbox.',
  },
  io_error: { recovery: 'retry', next: 'Try again; if it stays, look at the disk and at the cause of this error.' },
  bridge_away: {
    recovery: 'retry',
    next: 'The bridge is not running, or its queue is full: it starts again by itself; call again later.',
  },
  bridge_silent: {
    recovery: 'retry',
    next: 'The bridge did not answer in time. It may have done it: call again with the same key.',
  },
  internal: { recovery: 'stop', next: 'Report this error with its cause: the bridge met a state it does not expect.' },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of codes of this package. */
export type BridgeErrorCode = keyof typeof bridgeErrors;

/** An error of this package. */
export class BridgeError extends CodedError<BridgeErrorCode> {
  override readonly name = 'BridgeError';

  constructor(code: BridgeErrorCode, message: string, options?: CodedErrorOptions) {
    super(bridgeErrors, code, message, options);
  }
}
