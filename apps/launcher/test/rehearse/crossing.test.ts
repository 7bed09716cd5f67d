import { describe, expect, test } from '@jest/globals';
import { createAcross, crossingOf } from '../../src/rehearse/crossing.ts';
import type { UnitReport } from '../../src/rehearse/fleet.ts';
import { createTimeline } from '../../src/rehearse/timeline.ts';

const unit = (...seqs: readonly bigint[]) =>
  ({
    streams: new Map(seqs.map((seq, index) => [`runtime.run.${index}`, { epoch: 'e', seq, chain: 'c' }])),
  }) as unknown as UnitReport;
const heads = (...counts: readonly bigint[]) => new Map(counts.map((count, index) => [`runtime.run.${index}`, count]));

describe('what flows across a change', () => {
  test('is what was published meanwhile, with the stream that had the fewest, and what the units have of it', () => {
    const crossing = crossingOf(heads(10n, 5n), heads(30n, 8n), [unit(30n, 8n), unit(99n, 7n), unit(9n)], {
      ...{ name: '1. the flip', at: 3, took: 2 },
    });
    expect(crossing).toEqual({
      ...{ name: '1. the flip', at: 3, seconds: 2, streams: 2, units: 3, published: 23, least: 3 },
      applied: 23 + 22 + 0,
    });
  });

  test('a stream that was new has all of its events, and no stream at all is nothing', () => {
    const names = { name: 'n', at: 0, took: 1 };
    expect(crossingOf(new Map(), heads(4n), [unit(4n)], names)).toMatchObject({ published: 4, least: 4, applied: 4 });
    expect(crossingOf(new Map(), new Map(), [unit()], names)).toMatchObject({ published: 0, least: 0, streams: 0 });
  });

  test.each([
    ['in each stream', [3n, 3n], true],
    ['in one stream only', [3n, 0n], false],
    ['in none', [0n, 0n], false],
  ] as const)('the check of a change with events %s', async (_where, flowing, ok) => {
    const timeline = createTimeline(() => {});
    const counts = [7n, 7n];
    const publisher = {
      heads: () => [
        ...counts.map((count, index) => ({ stream_id: `runtime.run.${index}`, count, chain: 'c' })),
        { stream_id: 'runtime.canary-loss.1', count: 99n, chain: 'c' },
      ],
    };
    let looks = 0;
    const across = createAcross({
      ...{ publisher, timeline, units: 1 },
      load: { during: (work) => work() },
      // The unit needs two looks to have it all.
      watch: {
        async look() {
          looks += 1;
          return [looks < 2 ? unit(0n, 0n) : unit(...counts)];
        },
      },
      until: async (_what, holds) => {
        while (!(await holds()));
      },
    });
    const result = await across('1. the flip', async () => {
      flowing.forEach((more, index) => {
        counts[index] = (counts[index] ?? 0n) + more;
      });
      return 'went';
    });
    expect(result).toBe('went');
    expect(looks).toBe(2);
    expect(timeline.checks).toMatchObject([{ name: 'events flowed across: 1. the flip', ok }]);
    expect(timeline.crossings).toMatchObject([{ streams: 2, units: 1, least: Number(flowing[1]) }]);
  });
});
