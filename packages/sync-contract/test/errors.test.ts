import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anyUtf16 } from '../../../testing/src/any-text.ts';
import {
  CodedError,
  decodeWireError,
  encodeWireError,
  isCodedError,
  isSyncErrorCode,
  SyncError,
  type SyncErrorCode,
  syncErrors,
} from '../src/index.ts';

const codes = Object.keys(syncErrors) as SyncErrorCode[];

describe('E1 the error table', () => {
  test.each(codes)('%s says what can be done', (code) => {
    const spec = syncErrors[code];
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(['retry', 'refresh-token', 'resnapshot', 'ask-user', 'stop']).toContain(spec.recovery);
    expect(spec.next).toMatch(/^[A-Z].{15,}\.$/);
    const error = new SyncError(code, 'message', { cause: 1, details: { a: 2 } });
    expect(error).toMatchObject({ name: 'SyncError', message: 'message', code, cause: 1, details: { a: 2 }, ...spec });
    expect(error).toBeInstanceOf(CodedError);
  });

  test('every code of the contract has a row', () => {
    // A second list on purpose: a code that goes away here breaks peers that are already installed.
    expect([...codes].sort()).toEqual(
      [
        'conflict',
        'epoch_changed',
        'forbidden',
        'idempotency_conflict',
        'internal',
        'invalid_client_build',
        'invalid_request',
        'invalid_stream_id',
        'invalid_topic',
        'not_canonical',
        'payload_hash_mismatch',
        'payload_too_large',
        'rate_limited',
        'sequence_conflict',
        'stale_cursor',
        'token_expired',
        'token_not_yet_valid',
        'unauthorized',
        'unavailable',
        'unknown_stream',
        'unrepresentable',
        'unsupported_client_build',
        'unsupported_protocol_version',
        'unsupported_schema_version',
        'upgrade_required',
      ].sort(),
    );
  });

  test('only codes of the table are codes', () => {
    expect(isSyncErrorCode('forbidden')).toBe(true);
    for (const text of ['', 'Forbidden', 'toString', '__proto__', 'constructor'])
      expect(isSyncErrorCode(text)).toBe(false);
  });

  test('coded errors are known by their shape', () => {
    expect(isCodedError(new SyncError('internal', 'x'))).toBe(true);
    expect(isCodedError({ code: 'x', recovery: 'retry', next: 'n' })).toBe(true);
    for (const other of [
      null,
      undefined,
      'internal',
      new Error('x'),
      { code: 'x' },
      { code: 1, recovery: 'retry', next: '' },
    ]) {
      expect(isCodedError(other)).toBe(false);
    }
  });
});

describe('E2 the wire form', () => {
  test('round trip of every code with any message', () => {
    fc.assert(
      fc.property(fc.constantFrom(...codes), anyUtf16(), (code, message) => {
        const error = decodeWireError(encodeWireError(code, message));
        expect(error.code).toBe(code);
        expect(error.message).toBe(message);
      }),
    );
  });

  test.each(['', 'no code here', 'teapot: short and stout', ': empty', 'toString: x', 'Forbidden: x'])(
    '%j has no known code and is internal, with its text',
    (text) => {
      expect(decodeWireError(text)).toMatchObject({ code: 'internal', message: text });
    },
  );
});
