/** Codes of the module ABI that this host raises, with their default texts. */
export const sysErrors = {
  hostCallFailure: [1, 'ABI called by host returned an error'],
  notInTransaction: [2, 'ABI call can only be made while in a transaction'],
  bsatnDecodeError: [3, "Couldn't decode the BSATN to the expected type"],
  noSuchTable: [4, 'No such table'],
  noSuchIndex: [5, 'No such index'],
  noSuchIter: [6, 'The provided row iterator is not valid'],
  noSuchConsoleTimer: [7, 'The provided console timer does not exist'],
  noRangeScans: [10, 'The Index does not support range scans'],
  uniqueAlreadyExists: [12, 'Value with given unique identifier already exists'],
  scheduleAtDelayTooLong: [13, 'Specified delay in scheduling row was too long'],
  indexNotUnique: [14, 'The index was not unique'],
  noSuchRow: [15, 'The row was not found, e.g., in an update call'],
  wouldBlockTransaction: [17, 'Attempted async or blocking op while holding open a transaction'],
  transactionNotAnonymous: [18, 'Not in an anonymous transaction. Called by a reducer?'],
  transactionIsReadOnly: [19, 'ABI call can only be made while within a mutable transaction'],
  httpError: [21, 'The HTTP request failed'],
} as const satisfies Record<string, readonly [number, string]>;

/** The name of an ABI error. */
export type SysErrorName = keyof typeof sysErrors;

/** An error that the module may catch: it reaches it as an instance of its own error class for the code. */
export class SysError extends Error {
  override readonly name = 'SysError';
  readonly errno: number;

  constructor(name: SysErrorName, message?: string) {
    const [errno, text] = sysErrors[name];
    super(message ?? text);
    this.errno = errno;
  }
}
