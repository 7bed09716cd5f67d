import { describe, expect, test } from '@jest/globals';
import { type StreamSide, verify } from '../src/verify.ts';

const a: StreamSide = { stream_id: 'a', count: 3n, chain: 'aaa' };
const b: StreamSide = { stream_id: 'b', count: 1n, chain: 'bbb' };

describe('verify', () => {
  test('three witnesses that agree have no fault, whatever their order', () => {
    const verdict = verify({ published: [a, b], applied: [b, a], appended: [a, b] });
    expect(verdict).toMatchObject({ faults: [], published: 4n, applied: 4n });
    expect(verdict.chain).toBe(verify({ published: [b, a], applied: [a, b], appended: [b, a] }).chain);
  });

  test('the combined chain depends on every stream, length and chain', () => {
    const chainOf = (published: StreamSide[]) => verify({ published, applied: [], appended: [] }).chain;
    const all = [chainOf([a, b]), chainOf([a]), chainOf([{ ...a, count: 4n }, b]), chainOf([{ ...a, chain: 'x' }, b])];
    expect(new Set(all).size).toBe(4);
  });

  test.each([
    ['lost', { ...a, count: 2n }],
    ['repeated', { ...a, count: 4n }],
    ['chains differ', { ...a, chain: 'axa' }],
  ])('%s at the desktop or at the host is a fault', (word, found) => {
    for (const who of ['applied', 'appended'] as const) {
      const { faults } = verify({ published: [a], applied: [a], appended: [a], [who]: [found] });
      expect(faults).toHaveLength(1);
      expect(faults[0]).toContain(word);
      expect(faults[0]).toContain(who === 'applied' ? 'the desktop' : 'the host');
    }
  });

  test('a stream that is missing altogether is a fault', () => {
    expect(verify({ published: [a, b], applied: [a], appended: [a, b] }).faults).toEqual([
      'b: the desktop does not have the stream at all (1 events lost).',
    ]);
  });

  test('nothing published proves nothing', () => {
    expect(verify({ published: [], applied: [], appended: [] }).faults).toHaveLength(1);
  });
});
