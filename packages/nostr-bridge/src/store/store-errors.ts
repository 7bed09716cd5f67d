import { BridgeError, type BridgeErrorCode } from '../errors.ts';

const byPrefix: readonly (readonly [string, BridgeErrorCode])[] = [
  ['SQLITE_FULL', 'disk_full'],
  ['SQLITE_BUSY', 'locked'],
  ['SQLITE_LOCKED', 'locked'],
  ['SQLITE_CORRUPT', 'corrupt'],
  ['SQLITE_NOTADB', 'not_a_bridge_file'],
  ['SQLITE_CANTOPEN', 'unusable_file'],
  ['SQLITE_READONLY', 'unusable_file'],
  ['SQLITE_IOERR', 'io_error'],
];

/** The typed error for what SQLite threw. An error of this package stays as it is. */
export function toBridgeError(cause: unknown, doing: string): BridgeError {
  if (cause instanceof BridgeError) return cause;
  const native = typeof cause === 'object' && cause !== null ? String((cause as { code?: unknown }).code ?? '') : '';
  // By code and not by class: each realm of a test runner has its own SqliteError.
  const code = byPrefix.find(([prefix]) => native.startsWith(prefix))?.[1] ?? 'internal';
  return new BridgeError(code, `${doing} failed (${native === '' ? String(cause) : native}).`, {
    cause,
    details: { native_code: native },
  });
}
