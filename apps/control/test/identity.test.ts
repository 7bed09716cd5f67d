import { describe, expect, test } from '@jest/globals';
import { identityOf } from '../src/identity.ts';

describe('identityOf', () => {
  test('gives the identity of a token that a SpacetimeDB server has minted', () => {
    expect(identityOf('localhost', '6d4b5430-00cf-4a99-932c-ad2d07bab841')).toBe(
      'c200483152d642c7d402de06cacc36dcb0c2a1f2bbeb8e7d5a673f2435cca975',
    );
  });

  test('depends on the issuer and on the subject', () => {
    const one = identityOf('https://a.example', 'desktop');
    expect(identityOf('https://b.example', 'desktop')).not.toBe(one);
    expect(identityOf('https://a.example', 'feed')).not.toBe(one);
    expect(one).toMatch(/^c200[0-9a-f]{60}$/);
  });
});
