import { extendChain, type SyncEvent } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import { follow, verifyStream } from '../src/verify.ts';
import { event } from './support.ts';

const base = { seq: 10n, chain: 'base' };
const events = [11, 12, 13].map((seq) => event(seq));
const [first, second, third] = events as [SyncEvent, SyncEvent, SyncEvent];
const chainOf = (links: readonly SyncEvent[]) => links.reduce((chain, link) => extendChain(chain, link), base.chain);
const stream = {
  seq: 13n,
  chain: chainOf(events),
  base_seq: base.seq,
  base_chain: base.chain,
  contiguity: 'dense',
} as const;
/** A store that holds these events. */
const holding = (held: readonly SyncEvent[]) => (after: bigint, limit: number) =>
  held.filter(({ seq }) => seq > after).slice(0, limit);

describe('verifyStream', () => {
  test('I19 what gives the chain is consistent, however many pages it has', () => {
    expect(verifyStream(stream, holding(events))).toEqual({ outcome: 'consistent', events: 3 });
    const none = { ...stream, seq: base.seq, chain: base.chain };
    expect(verifyStream(none, holding([]))).toEqual({ outcome: 'consistent', events: 0 });
    const many = Array.from({ length: 2_500 }, (_, index) => event(index + 11));
    const long = { ...stream, seq: 2_510n, chain: chainOf(many) };
    const limits: number[] = [];
    const read = (after: bigint, limit: number) => {
      limits.push(limit);
      return holding(many)(after, limit);
    };
    expect(verifyStream(long, read)).toEqual({ outcome: 'consistent', events: 2_500 });
    expect(limits.length).toBeLessThanOrEqual(4);
    expect(Math.max(...limits)).toBeLessThanOrEqual(1_001);
  });

  test.each([
    ['the first', [second, third], 11n],
    ['one in the middle', [first, third], 12n],
    ['the last', [first, second], 13n],
    ['all', [], 11n],
  ] as const)('I19 %s that is missing is found, with its place', (_what, held, seq) => {
    expect(verifyStream(stream, holding(held))).toEqual({ outcome: 'damaged', reason: 'missing_event', seq });
  });

  test('I19 where gaps are allowed, one that is missing shows in the chain, and the last one at once', () => {
    const sparse = { ...stream, contiguity: 'gaps-allowed' } as const;
    expect(verifyStream(sparse, holding(events))).toEqual({ outcome: 'consistent', events: 3 });
    const differs = { outcome: 'damaged', reason: 'chain_differs', seq: 13n };
    expect(verifyStream(sparse, holding([first, third]))).toEqual(differs);
    const missing = { outcome: 'damaged', reason: 'missing_event', seq: 13n };
    expect(verifyStream(sparse, holding([first, second]))).toEqual(missing);
  });

  test('I19 what follows on a place gives the next place, or what is wrong', () => {
    expect(follow(base, events, 'dense')).toEqual({ seq: 13n, chain: stream.chain });
    expect(follow(base, [], 'dense')).toEqual(base);
    expect(follow(base, [first, { ...second, payload: '{}' }], 'dense')).toEqual({
      ...{ outcome: 'damaged', reason: 'payload_hash_mismatch', seq: 12n },
    });
    expect(follow(base, [first, third], 'gaps-allowed')).toEqual({ seq: 13n, chain: chainOf([first, third]) });
  });
});
