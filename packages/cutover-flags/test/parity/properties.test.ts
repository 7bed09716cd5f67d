// The comparator against a plain model that remembers everything, and against seeded faults.
import type { ComparedEvent, ComparisonCounts, ParityWindow, Side } from '@autopilot/cutover-flags/parity';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { begun, epoch, event, noResults, setUp, streamId } from './support.ts';

const tolerance = 1_000;

interface Delivery {
  readonly at: number;
  readonly side: Side;
  readonly event: ComparedEvent;
}

/** Both sides of a stream, each in order, each event delayed by less than the tolerance. */
const twoSides = fc
  .array(fc.record({ step: fc.nat(400), left: fc.nat(tolerance - 1), right: fc.nat(tolerance - 1) }), {
    minLength: 2,
    maxLength: 40,
  })
  .map((delays) => {
    let made = 0;
    const last = { left: 0, right: 0 };
    return delays.flatMap((delay, index): Delivery[] => {
      made += delay.step;
      return (['left', 'right'] as const).map((side) => {
        last[side] = Math.max(last[side], made + delay[side]);
        return { at: last[side], side, event: event(index + 1) };
      });
    });
  });

function deliver(deliveries: readonly Delivery[]): ParityWindow {
  const { comparator, time } = begun({ tolerance_ms: tolerance });
  let now = 0;
  for (const { at, side, event: one } of deliveries.toSorted((a, b) => a.at - b.at)) {
    time.advance(at - now);
    now = at;
    comparator.offer(side, one);
  }
  time.advance(3 * tolerance);
  return comparator.report();
}

function expectToAddUp(report: ParityWindow): void {
  const results = Object.values(report.counts).reduce((all, one) => all + one, 0);
  const left = Object.values(report.not_compared).reduce((all, one) => all + one, 0);
  const { positions, pairs, repeats, revisions, pending, foreign, offered } = report;
  expect(results).toBe(positions + repeats + revisions);
  expect(offered.left + offered.right).toBe(foreign + left + repeats + revisions + positions + pairs + pending);
}

test('P20 any interleaving of two equal sides inside the tolerance gives only matches', () => {
  fc.assert(
    fc.property(twoSides, (deliveries) => {
      const report = deliver(deliveries);
      expect(report.counts).toEqual({ ...noResults, match: deliveries.length / 2 });
      expect(report).toMatchObject({ pending: 0, absent: 0, unequal_chains: 0, sampled: false });
      expectToAddUp(report);
    }),
  );
});

const fault = fc.record({
  kind: fc.constantFrom('loss', 'repeat', 'swap', 'change'),
  side: fc.constantFrom('left', 'right'),
  where: fc.nat(),
});

test('P21 one seeded loss, repeat, swap or change gives exactly that result at that position', () => {
  fc.assert(
    fc.property(twoSides, fault, (deliveries, { kind, side, where }) => {
      const mine = deliveries.filter((one) => one.side === side);
      const others = deliveries.filter((one) => one.side !== side);
      // Not the last one, so that a swap has a later one and a loss is seen inside the stream as well as at its end.
      const index = where % (mine.length - 1);
      const [hit, next] = mine.slice(index, index + 2) as [Delivery, Delivery];
      const changed = event(hit.event.seq, { value: { changed: true } });
      const faulty = {
        loss: mine.filter((one) => one !== hit),
        repeat: [...mine.slice(0, index + 1), hit, ...mine.slice(index + 1)],
        swap: mine.with(index, { ...hit, event: next.event }).with(index + 1, { ...next, event: hit.event }),
        change: mine.with(index, { ...hit, event: changed }),
      }[kind];
      const result = { loss: `missing_${side}`, repeat: 'extra', swap: 'reordered', change: 'mismatch' }[kind];
      // A swap delays the earlier event until the later one came: keep that inside the tolerance too.
      const partner = others[index]?.at ?? 0;
      fc.pre(kind !== 'swap' || Math.abs(next.at - partner) < tolerance);
      fc.pre(kind !== 'swap' || Math.abs((others[index + 1]?.at ?? 0) - hit.at) < tolerance);
      const report = deliver([...others, ...faulty]);
      const matches = mine.length - (kind === 'repeat' ? 0 : 1);
      expect(report.counts).toEqual({ ...noResults, match: matches, [result]: 1 });
      expect(report.samples).toMatchObject([{ result, seq: hit.event.seq.toString() }]);
      expect(report.unequal_chains).toBe(kind === 'change' ? 1 : 0);
      expectToAddUp(report);
    }),
  );
});

const arrivals = fc.array(
  fc.record({
    side: fc.constantFrom<Side>('left', 'right'),
    seq: fc.integer({ min: 1, max: 25 }),
    wait: fc.oneof(fc.constant(0), fc.nat(600)),
    other: fc.boolean(),
  }),
  { maxLength: 120 },
);

/** Remembers every event that ever came. */
function model(list: readonly { side: Side; seq: number; wait: number; other: boolean }[]): ComparisonCounts {
  const counts = { ...noResults };
  const seen = { left: new Map<number, { at: number; other: boolean; reordered: boolean }>(), right: new Map() };
  let now = 0;
  for (const { side, seq, wait, other } of list) {
    now += wait;
    const mine: Map<number, { at: number; other: boolean; reordered: boolean }> = seen[side];
    const theirs = seen[side === 'left' ? 'right' : 'left'];
    if (mine.has(seq)) {
      counts.extra += 1;
      continue;
    }
    const reordered = Math.max(0, ...mine.keys()) > seq;
    mine.set(seq, { at: now, other, reordered });
    const before = theirs.get(seq);
    if (before === undefined) continue;
    const late = now - before.at >= tolerance;
    if (late) counts[`missing_${side}`] += 1;
    if (before.other !== other) counts.mismatch += 1;
    else if (late) counts.late += 1;
    else if (reordered || before.reordered) counts.reordered += 1;
    else counts.match += 1;
  }
  for (const seq of seen.left.keys()) if (!seen.right.has(seq)) counts.missing_right += 1;
  for (const seq of seen.right.keys()) if (!seen.left.has(seq)) counts.missing_left += 1;
  return counts;
}

test('P22 whatever comes in whatever order, the results are those of a model that remembers everything', () => {
  fc.assert(
    fc.property(arrivals, (list) => {
      const { comparator, time } = begun({ tolerance_ms: tolerance });
      for (const { side, seq, wait, other } of list) {
        time.advance(wait);
        comparator.offer(side, event(seq, other ? { value: 'other' } : {}));
      }
      time.advance(3 * tolerance);
      const report = comparator.report();
      expect(report.counts).toEqual(model(list));
      expectToAddUp(report);
      // What was passed over as absent and came after all is compared, but no longer part of the chains.
      const { compared = Number.NaN } = report.streams[0] ?? {};
      expect(compared).toBeLessThanOrEqual(report.pairs);
      expect(compared).toBeGreaterThanOrEqual(report.pairs - report.absent);
    }),
    propertyRuns(100),
  );
});

const calls = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ do: fc.constant('offer' as const), seq: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), seq: fc.nat(1_500) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const), seq: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('resume' as const), seq: fc.nat(60) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('window' as const), seq: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('run' as const), seq: fc.integer({ min: 1, max: 60 }) }) },
  ),
  { maxLength: 150 },
);

test('P23 whatever is called, every event is accounted for once and memory stays within its bounds', () => {
  fc.assert(
    fc.property(
      calls,
      fc.infiniteStream(fc.constantFrom<Side>('left', 'right')),
      fc.boolean(),
      (list, sideOf, late) => {
        const { comparator, time } = setUp({
          tolerance_ms: tolerance,
          tolerance_events: 20,
          limits: { pending: 12, pending_per_stream: 10, late_per_stream: 3 },
        });
        comparator.begin('left', streamId, { epoch, seq: 0n });
        if (!late) comparator.begin('right', streamId, { epoch, seq: 5n });
        for (const call of list) {
          const side = sideOf.next().value as Side;
          if (call.do === 'offer') comparator.offer(side, event(call.seq));
          if (call.do === 'run') for (let seq = 1; seq <= call.seq; seq += 1) comparator.offer(side, event(seq));
          if (call.do === 'wait') time.advance(call.seq);
          if (call.do === 'pause') comparator.pause(side);
          if (call.do === 'resume') comparator.resume(side, streamId, { epoch, seq: BigInt(call.seq) });
          if (call.do === 'window') comparator.takeWindow();
          const report = comparator.report();
          expect(report.pending).toBeLessThanOrEqual(12);
          expect(report.unequal_chains).toBe(0);
          expect(report.counts.mismatch).toBe(0);
          expectToAddUp(report);
        }
      },
    ),
    propertyRuns(100),
  );
});
