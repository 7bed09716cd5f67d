import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anyText } from '../../../testing/src/any-text.ts';
import {
  canonicalJson,
  canonicalPayloadHash,
  draftEvent,
  extendChain,
  genesisChain,
  hasTruePayloadHash,
  isPayloadHash,
  payloadHash,
  payloadOf,
} from '../src/index.ts';
import { sha256Hex as nodeSha256 } from '../src/sha256-node.ts';
import { sha256Hex as portableSha256 } from '../src/sha256-portable.ts';

const text = anyText({ maxLength: 300 });

describe('H1 payload hashes', () => {
  // Made once with `printf '%s' '<canonical text>' | sha256sum`, so that a change of the rule cannot go unseen.
  test.each<[string, unknown, string]>([
    ['an empty object', {}, 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'],
    ['null', null, 'sha256:74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b'],
    ['sorted members', { b: 2, a: 1 }, 'sha256:43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777'],
    [
      'characters beyond ASCII',
      { t: 'ä\u2028\u{1f600}' },
      'sha256:675df9d4afa00819d1778e9ec8690c716bd520d8ead62b05fe54de151f4a3148',
    ],
    [
      'an array of objects',
      [{ n: -0.5 }, { n: 1e-7 }],
      'sha256:bc9238400965c3e027873085aeab300d10012b7b6ae56b223353dd3a8436bcae',
    ],
  ])('%s', (_name, value, hash) => {
    expect(payloadHash(value)).toBe(hash);
    expect(canonicalPayloadHash(canonicalJson(value))).toBe(hash);
  });

  test('the form', () => {
    expect(isPayloadHash(payloadHash(1))).toBe(true);
    const hex = 'a'.repeat(64);
    for (const text of [hex, `sha256:${hex.toUpperCase()}`, `sha256:${hex}\n`, `sha256:${hex}a`, `sha512:${hex}`, '']) {
      expect(isPayloadHash(text)).toBe(false);
    }
  });

  test('a draft carries the text that was hashed', () => {
    const draft = draftEvent({ stream_id: 'runtime.a', kind: 'k', payload: { b: 1, a: [2] }, idempotency_key: 'i' });
    expect(draft.payload).toBe('{"a":[2],"b":1}');
    expect(hasTruePayloadHash(draft)).toBe(true);
    expect(hasTruePayloadHash({ ...draft, payload: '{"a":[2],"b":2}' })).toBe(false);
    expect(payloadOf(draft)).toEqual({ a: [2], b: 1 });
  });
});

describe('H2 both SHA-256 implementations', () => {
  test('agree on every text', () => {
    fc.assert(
      fc.property(text, (each) => {
        const expected = createHash('sha256').update(Buffer.from(each, 'utf8')).digest('hex');
        expect(nodeSha256(each)).toBe(expected);
        expect(portableSha256(each)).toBe(expected);
      }),
    );
  });

  test('agree around the block borders', () => {
    for (const length of [0, 55, 56, 63, 64, 65, 119, 120, 1_000]) {
      expect(portableSha256('é'.repeat(length))).toBe(nodeSha256('é'.repeat(length)));
      expect(portableSha256('x'.repeat(length))).toBe(nodeSha256('x'.repeat(length)));
    }
  });
});

describe('H3 the chain', () => {
  const link = { seq: 1n, kind: 'note', idempotency_key: 'k-1', payload_hash: payloadHash({}) };

  test('vectors', () => {
    const genesis = genesisChain('runtime.a');
    expect(genesis).toBe(nodeSha256('autopilot-chain-v1\nruntime.a'));
    expect(genesis).toBe('f2f0c28372cb4e1b362c6635f57536fa851e0e7686e7372ee8133196186960c1');
    expect(extendChain(genesis, link)).toBe('3f95b8b971d60d72a47a2a41b8df052be165fd2c93a5f8f92d790ff0288c1e96');
  });

  test('every part of a link counts', () => {
    const base = extendChain(genesisChain('runtime.a'), link);
    const others = [
      extendChain(genesisChain('runtime.b'), link),
      extendChain(genesisChain('runtime.a'), { ...link, seq: 2n }),
      extendChain(genesisChain('runtime.a'), { ...link, kind: 'notes' }),
      extendChain(genesisChain('runtime.a'), { ...link, idempotency_key: 'k-2' }),
      extendChain(genesisChain('runtime.a'), { ...link, payload_hash: payloadHash([]) }),
    ];
    expect(new Set([base, ...others]).size).toBe(others.length + 1);
  });

  test('kind and key do not run into each other', () => {
    fc.assert(
      fc.property(text, text, text, text, (kind, key, otherKind, otherKey) => {
        fc.pre(kind !== otherKind || key !== otherKey);
        const one = extendChain(genesisChain('s'), { ...link, kind, idempotency_key: key });
        const other = extendChain(genesisChain('s'), { ...link, kind: otherKind, idempotency_key: otherKey });
        expect(one).not.toBe(other);
      }),
    );
    expect(extendChain('0', { ...link, kind: 'ab', idempotency_key: 'c' })).not.toBe(
      extendChain('0', { ...link, kind: 'a', idempotency_key: 'bc' }),
    );
  });

  test('order matters', () => {
    const second = { ...link, seq: 2n, idempotency_key: 'k-2' };
    const genesis = genesisChain('runtime.a');
    expect(extendChain(extendChain(genesis, link), second)).not.toBe(extendChain(extendChain(genesis, second), link));
  });
});
