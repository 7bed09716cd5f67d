import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

/** Every code of this package. A call that throws one of them has changed nothing. */
export const checkpointErrors = {
  locked: {
    recovery: 'ask-user',
    next: 'Another process or store uses this file: close it, or give this one a file of its own.',
  },
  schema_newer: {
    recovery: 'ask-user',
    next: 'The file was written by a newer version: install that version, or use another file. It was left as it is.',
  },
  not_a_checkpoint_file: {
    recovery: 'ask-user',
    next: 'The file is the database of another program and was left as it is: name another file.',
  },
  unusable_file: {
    recovery: 'ask-user',
    next: 'The file cannot be opened: check that its folder exists, is a folder, and may be used by this account.',
  },
  read_only: { recovery: 'ask-user', next: 'Make the folder and the file writable for this account, or name another.' },
  disk_full: { recovery: 'retry', next: 'Free space for the store, then try the same call again: nothing was lost.' },
  io_error: { recovery: 'retry', next: 'Try again; if it stays, look at the disk and at the cause of this error.' },
  corrupt: {
    recovery: 'retry',
    next: 'Close and open the store again: the damaged file is set aside and the last good generation restored.',
  },
  damaged: {
    recovery: 'resnapshot',
    next: 'The stored events do not give the stored chain: keep the file for a look, then reset the stream to a floor.',
  },
  position_conflict: {
    recovery: 'retry',
    next: 'The stored position is another one: load the stream, decide again from there, and commit that.',
  },
  idempotency_conflict: {
    recovery: 'stop',
    next: 'The stream already has an event with this idempotency key: quarantine the event that the details name.',
  },
  invalid_change: {
    recovery: 'stop',
    next: 'Commit events that are dense and belong to the stream, epoch and position.',
  },
  invalid_option: { recovery: 'stop', next: 'Correct the option that the message names.' },
  unknown_stream: { recovery: 'stop', next: 'Commit to the stream or reset it first: nothing is stored of it.' },
  closed: { recovery: 'stop', next: 'Open the store again: this one has been closed.' },
  internal: { recovery: 'stop', next: 'Report this error with its cause: the store met a state it does not expect.' },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of codes of this package. */
export type CheckpointErrorCode = keyof typeof checkpointErrors;

/** An error of this package. */
export class CheckpointError extends CodedError<CheckpointErrorCode> {
  override readonly name = 'CheckpointError';

  constructor(code: CheckpointErrorCode, message: string, options?: CodedErrorOptions) {
    super(checkpointErrors, code, message, options);
  }
}

const byPrefix: readonly (readonly [string, CheckpointErrorCode])[] = [
  ['SQLITE_FULL', 'disk_full'],
  ['ENOSPC', 'disk_full'],
  ['EDQUOT', 'disk_full'],
  ['SQLITE_READONLY', 'read_only'],
  ['EROFS', 'read_only'],
  ['EACCES', 'read_only'],
  ['EPERM', 'read_only'],
  ['SQLITE_CORRUPT', 'corrupt'],
  ['SQLITE_NOTADB', 'corrupt'],
  ['SQLITE_BUSY', 'locked'],
  ['SQLITE_LOCKED', 'locked'],
  ['SQLITE_IOERR', 'io_error'],
  ['EIO', 'io_error'],
  ['SQLITE_CANTOPEN', 'unusable_file'],
  ['ENOENT', 'unusable_file'],
  ['ENOTDIR', 'unusable_file'],
  ['ELOOP', 'unusable_file'],
  ['EISDIR', 'unusable_file'],
  ['EEXIST', 'unusable_file'],
  ['ENAMETOOLONG', 'unusable_file'],
];

/** The typed error for what SQLite or the file system threw. An error of this package stays as it is. */
export function toCheckpointError(cause: unknown, doing: string): CheckpointError {
  if (cause instanceof CheckpointError) return cause;
  const native = nativeCode(cause);
  // By code and not by class: each realm of a test runner has its own SqliteError.
  const code = byPrefix.find(([prefix]) => native.startsWith(prefix))?.[1] ?? 'internal';
  return new CheckpointError(code, `${doing} failed (${native === '' ? 'no code' : native}).`, {
    cause,
    details: { native_code: native },
  });
}

/** The code of an error of SQLite or Node; empty when it has none. */
export function nativeCode(cause: unknown): string {
  const code = typeof cause === 'object' && cause !== null ? (cause as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
}
