import { describe, expect, test } from '@jest/globals';
import type { UnitReport } from '../../src/rehearse/fleet.ts';
import { differences, lagOf, measure } from '../../src/rehearse/measure.ts';

const head = { stream_id: 'runtime.run.1', count: 3n, chain: 'c3' };

function unit(seq: bigint, chain: string, over: Partial<UnitReport> = {}): UnitReport {
  return {
    ...{ unit: 'u1', kind: 'simulated', lane: 'spacetime', rule: 'S2.1', stage: 2, revision: 1, session: 'live' },
    ...{ applied: Number(seq), duplicates: 0, conflicts: 0, resets: 0, refused_writes: 0, khala: false, behind: 0 },
    handovers: { done: 0, failed: 0, longest_ms: null },
    streams: new Map([['runtime.run.1', { epoch: 'e', seq, chain }]]),
    ...over,
  };
}

describe('measure', () => {
  test('equal length and chain everywhere is no fault', () => {
    const seen = measure([head], [head], [unit(3n, 'c3')], ['u1']);
    expect(seen).toEqual({
      ...{ units: 1, streams: 1, published: 3, applied: 3, lost: 0, repeated: 0, unequal_chains: 0, faults: [] },
    });
  });

  test.each([
    ['a lost event', unit(2n, 'c2'), { lost: 1, repeated: 0, unequal_chains: 1 }],
    ['a repeated event', unit(4n, 'c4'), { lost: 0, repeated: 1, unequal_chains: 1 }],
    ['another event', unit(3n, 'x'), { lost: 0, repeated: 0, unequal_chains: 1 }],
    ['an event counted twice', unit(3n, 'c3', { applied: 4 }), { lost: 0, repeated: 1, unequal_chains: 0 }],
    ['an event set aside', unit(3n, 'c3', { conflicts: 1 }), { lost: 0, repeated: 0, unequal_chains: 0 }],
    ['a stream begun anew', unit(3n, 'c3', { resets: 1 }), { lost: 0, repeated: 0, unequal_chains: 0 }],
    ['a stream that is not there', unit(3n, 'c3', { streams: new Map(), applied: 0 }), { lost: 3, unequal_chains: 1 }],
  ])('%s in a unit is a fault', (_name, seen, counts) => {
    const result = measure([head], [head], [seen], ['u1']);
    expect(result).toMatchObject(counts);
    expect(result.faults.length).toBeGreaterThan(0);
  });

  test('a unit that does not answer, and a host that lacks events, are faults', () => {
    expect(measure([head], [head], [], ['u1'])).toMatchObject({ lost: 3, faults: ['u1 does not answer.'] });
    expect(measure([head], [], [unit(3n, 'c3')], ['u1'])).toMatchObject({ lost: 3, unequal_chains: 1 });
  });

  test('nothing published and no unit measure nothing', () => {
    expect(measure([], [], [unit(0n, '')], ['u1']).faults).toEqual(['Nothing was published, so nothing is measured.']);
    expect(measure([head], [head], [], []).faults).toEqual(['There is no unit, so nothing is measured.']);
  });
});

describe('on the way', () => {
  const published = {
    heads: () => [head],
    chainAt: (_stream: string, seq: bigint) => ['c0', 'c1', 'c2', 'c3'][Number(seq)],
  };

  test('a unit may be behind, and has to have the chain of where it is', () => {
    expect(differences(published, [unit(1n, 'c1'), unit(3n, 'c3')])).toEqual([]);
    expect(differences(published, [unit(2n, 'c3')])).toEqual([
      expect.stringContaining('differs from what was published'),
    ]);
    expect(differences(published, [unit(4n, 'c4')])).toEqual([expect.stringContaining('repeated')]);
  });

  test('the lag is that of the slowest unit, and not known without units', () => {
    expect(lagOf([head], [unit(3n, 'c3'), unit(1n, 'c1')])).toBe(2);
    expect(lagOf([head], [])).toBeNull();
  });
});
