import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mayMove } from '../src/assignment-status.ts';
import { readClaims } from '../src/claims.ts';
import { utf8Length } from '../src/utf8.ts';

const trust = { issuer: 'https://control.test', audience: 'autopilot-sync' };
const nowSeconds = 1_800_000_000;
const now = BigInt(nowSeconds) * 1_000_000n;
const good = { iss: trust.issuer, aud: trust.audience, exp: nowSeconds + 60, scope: 'sync.append  sync.subscribe' };

describe('M1 token claims', () => {
  test('a good token gives its expiry and its scopes', () => {
    const claims = readClaims(good, trust, now);
    expect(claims).toEqual({
      expiresAt: now + 60_000_000n,
      scopes: new Set(['sync.append', 'sync.subscribe']),
    });
  });

  test('one of several audiences is enough', () => {
    expect(readClaims({ ...good, aud: ['other', trust.audience] }, trust, now)).toHaveProperty('scopes');
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['another issuer', { iss: 'https://other.test' }, 'unauthorized'],
    ['no issuer', { iss: undefined }, 'unauthorized'],
    ['another audience', { aud: 'spacetimedb' }, 'unauthorized'],
    ['no audience', { aud: undefined }, 'unauthorized'],
    ['an audience of another type', { aud: { includes: trust.audience } }, 'unauthorized'],
    ['an audience that only contains the name', { aud: `${trust.audience}-2` }, 'unauthorized'],
    ['no expiry', { exp: undefined }, 'unauthorized'],
    ['a null expiry', { exp: null }, 'unauthorized'],
    ['an expiry as text', { exp: String(nowSeconds + 60) }, 'unauthorized'],
    ['an infinite expiry', { exp: Number.POSITIVE_INFINITY }, 'unauthorized'],
    ['an expiry of zero', { exp: 0 }, 'unauthorized'],
    ['an expiry now', { exp: nowSeconds }, 'token_expired'],
    ['an expiry in the past', { exp: nowSeconds - 1 }, 'token_expired'],
    ['not valid before later', { nbf: nowSeconds + 61 }, 'token_not_yet_valid'],
    ['a mistyped nbf', { nbf: 'soon' }, 'unauthorized'],
    ['no scope', { scope: undefined }, 'unauthorized'],
    ['scopes as a list', { scope: ['sync.append'] }, 'unauthorized'],
  ])('%s is refused', (_name, change, code) => {
    expect(readClaims({ ...good, ...change }, trust, now)).toMatchObject({ code });
  });

  test('the clock of the issuer may be a little ahead', () => {
    expect(readClaims({ ...good, nbf: nowSeconds + 60 }, trust, now)).toHaveProperty('scopes');
  });

  test('nobody is trusted before the module is configured', () => {
    const open = { issuer: '', audience: '' };
    expect(readClaims({ ...good, iss: '', aud: '' }, open, now)).toMatchObject({ code: 'unauthorized' });
  });
});

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
