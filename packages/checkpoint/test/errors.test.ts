import { describe, expect, test } from '@jest/globals';
import { toCheckpointError } from '../src/errors.ts';
import { CheckpointError, checkpointErrors } from '../src/index.ts';

describe('errors', () => {
  test.each([
    ['SQLITE_FULL', 'disk_full'],
    ['ENOSPC', 'disk_full'],
    ['EDQUOT', 'disk_full'],
    ['SQLITE_READONLY_DBMOVED', 'read_only'],
    ['EROFS', 'read_only'],
    ['EACCES', 'read_only'],
    ['EPERM', 'read_only'],
    ['SQLITE_CORRUPT_VTAB', 'corrupt'],
    ['SQLITE_NOTADB', 'corrupt'],
    ['SQLITE_BUSY_SNAPSHOT', 'locked'],
    ['SQLITE_LOCKED_SHAREDCACHE', 'locked'],
    ['SQLITE_IOERR_WRITE', 'io_error'],
    ['EIO', 'io_error'],
    ['SQLITE_CANTOPEN', 'unusable_file'],
    ['ENOENT', 'unusable_file'],
    ['ENOTDIR', 'unusable_file'],
    ['ELOOP', 'unusable_file'],
    ['EISDIR', 'unusable_file'],
    ['EEXIST', 'unusable_file'],
    ['ENAMETOOLONG', 'unusable_file'],
    ['SQLITE_MISUSE', 'internal'],
  ])('%s becomes %s, with the cause kept', (native, code) => {
    const cause = Object.assign(new Error('native'), { code: native });
    const error = toCheckpointError(cause, 'Testing');
    expect(error).toMatchObject({ code, cause, details: { native_code: native } });
    expect(error.recovery).toBe(checkpointErrors[error.code].recovery);
  });

  test('what has no code is internal, and an error of this package stays as it is', () => {
    expect(toCheckpointError('text', 'Testing').code).toBe('internal');
    const own = new CheckpointError('closed', 'closed');
    expect(toCheckpointError(own, 'Testing')).toBe(own);
  });
});
