import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mayMove } from '../src/assignment-status.ts';
import { utf8Length } from '../src/utf8.ts';

test('the length in UTF-8 is that of the encoder', () => {
  const borders = fc.constantFrom(
    'a',
    '\u007f',
    '\u0080',
    '\u07ff',
    '\u0800',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '\u{10000}',
    '\u{10ffff}',
  );
  fc.assert(
    fc.property(fc.string({ unit: borders, maxLength: 50 }), (text) => {
      expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
    }),
  );
});

describe('M13 assignment edges', () => {
  const states = ['open', 'accepted', 'running', 'done', 'failed', 'cancelled', '', 'toString'];

  test('the provider moves forward, the requester only calls off', () => {
    const moves = (party: 'requester' | 'provider') =>
      states.flatMap((from) => states.filter((to) => mayMove(party, from, to)).map((to) => `${from}>${to}`));
    expect(moves('provider')).toEqual([
      'open>accepted',
      'open>failed',
      'accepted>running',
      'accepted>failed',
      'running>running',
      'running>done',
      'running>failed',
    ]);
    expect(moves('requester')).toEqual(['open>cancelled', 'accepted>cancelled', 'running>cancelled']);
  });
});
