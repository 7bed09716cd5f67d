import { describe, expect, test } from '@jest/globals';
import { checkEvent, matches } from '../../src/inbound/checks.ts';
import { defaultInboundSettings as settings } from '../../src/index.ts';
import { alice, second, sign } from '../support/events.ts';

const filters = [{ kinds: [1] }];
const check = (value: unknown, bytes = 100) => checkEvent(value, bytes, filters, second, settings);

describe('what is checked before the signature', () => {
  test('I1 each check comes before the next: an event with several faults is refused for the first of them', () => {
    const good = sign();
    expect(check(good)).toEqual({ event: good });
    const id = 'f'.repeat(64);
    const future = second + settings.maxAheadSeconds + 1;
    const tags = [['expiration', `${second}`]];
    expect(check({ ...good, id })).toEqual({ refusal: 'wrong-id' });
    expect(check({ ...good, id, created_at: future })).toEqual({ refusal: 'ahead' });
    expect(check({ ...good, id, created_at: future, tags })).toEqual({ refusal: 'expired' });
    expect(check({ ...good, id, created_at: future, tags, kind: 2 })).toEqual({ refusal: 'unmatched' });
    expect(check({ ...good, id: 'x', kind: 2 })).toEqual({ refusal: 'malformed' });
    expect(check({ ...good, id: 'x', kind: 2 }, settings.maxEventBytes + 1)).toEqual({ refusal: 'too-large' });
  });

  test.each([
    [`${second + 1}`, true],
    [`${second}`, false],
    ['', false],
    ['soon', false],
    ['NaN', false],
  ])('I1 NIP-40: with the expiration "%s" it is taken: %p', (expiration, isTaken) => {
    expect('event' in check(sign({ tags: [['expiration', expiration]] }))).toBe(isTaken);
  });

  test('I1 what was not asked for is not taken', () => {
    const event = sign({ tags: [['t', 'x'], ['t']] });
    for (const filter of [
      {},
      {
        ids: [event.id],
        authors: [alice.pubkey],
        kinds: [1],
        since: second,
        until: second,
        limit: 0,
        '#t': ['y', 'x'],
      },
    ]) {
      expect(matches(filter, event)).toBe(true);
    }
    for (const filter of [
      { ids: [] },
      { authors: ['f'.repeat(64)] },
      { kinds: [2] },
      { since: second + 1 },
      { until: second - 1 },
      { '#t': ['y'] },
      { '#p': ['x'] },
      { '#t': [] },
    ]) {
      expect(matches(filter, event)).toBe(false);
    }
  });
});
