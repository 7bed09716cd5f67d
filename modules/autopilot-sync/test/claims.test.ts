import { describe, expect, test } from '@jest/globals';
import { readClaims } from '../src/claims.ts';

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
