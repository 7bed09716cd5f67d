import { describe, expect, test } from '@jest/globals';
import { prefixes } from '../../src/index.ts';
import { readClosed, readOk } from '../../src/relay/verdict.ts';

describe('verdicts', () => {
  test('R6 an OK that is true is accepted, whatever it says; duplicate: is accepted either way', () => {
    expect(readOk(true, '')).toEqual({ outcome: 'accepted', reason: 'new', message: '' });
    expect(readOk(true, 'blocked: but fine')).toMatchObject({ outcome: 'accepted', reason: 'new' });
    expect(readOk(true, 'duplicate: have it')).toMatchObject({ outcome: 'accepted', reason: 'duplicate' });
    expect(readOk(false, 'duplicate: have it')).toMatchObject({ outcome: 'accepted', reason: 'duplicate' });
  });

  test.each([
    ['invalid: bad', 'rejected', 'invalid'],
    ['blocked: no', 'rejected', 'blocked'],
    ['restricted: no', 'rejected', 'restricted'],
    ['pow: 20', 'rejected', 'pow'],
    ['mute: no', 'rejected', 'mute'],
    ['rate-limited: slow down', 'retry', 'rate-limited'],
    ['error: disk', 'retry', 'error'],
    ['auth-required: who', 'retry', 'auth-required'],
    ['something else', 'retry', 'unclear'],
    ['toString: x', 'retry', 'unclear'],
    ['INVALID: x', 'retry', 'unclear'],
    ['', 'retry', 'unclear'],
  ])('R6 a refusal "%s" is %s, %s', (text, outcome, reason) => {
    expect(readOk(false, text)).toEqual({ outcome, reason, message: text });
    expect(readClosed(text)).toEqual({ outcome, reason, message: text });
  });

  test('R6 a subscription that is closed is never accepted, and texts are cut', () => {
    expect(readClosed('duplicate: sub')).toMatchObject({ outcome: 'retry', reason: 'unclear' });
    expect(readOk(false, `error: ${'x'.repeat(1000)}`).message).toHaveLength(201);
    expect(Object.keys(prefixes)).toHaveLength(9);
  });
});
