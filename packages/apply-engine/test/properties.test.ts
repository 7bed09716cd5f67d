import type { SyncEvent } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { applyBatch, type BatchResult, initialState, type ReorderBuffer, type StreamState } from '../src/index.ts';
import { chainOf, damaged, deepFreeze, event, log, lookupOf, otherEpoch, rival, streamId } from './support.ts';

// What a broken network and a broken host may deliver of a stream of 30 events, cut into batches.
const length = 30;
const theLog = log(length);
const seq = fc.integer({ min: 1, max: length });
const delivery = fc.oneof(
  { weight: 8, arbitrary: seq.map((at) => event(at)) },
  { weight: 1, arbitrary: seq.map((at) => damaged(at)) },
  { weight: 1, arbitrary: seq.map((at) => event(at, { epoch: otherEpoch })) },
  { weight: 1, arbitrary: seq.map((at) => event(at, { stream_id: 'runtime.other' })) },
  { weight: 1, arbitrary: fc.constant(event(0)) },
);
const shuffledLog = fc.shuffledSubarray([...theLog], { minLength: length });
const deliveries = fc
  .tuple(fc.array(delivery, { maxLength: 40 }), shuffledLog, fc.array(delivery, { maxLength: 40 }))
  .map((parts) => parts.flat());
const batches = fc
  .tuple(deliveries, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }))
  .map(([events, sizes]) => cut(events, sizes));
// Starts from a known epoch: a reader without one may rightly take the other epoch as its own.
const start: StreamState = { ...initialState(streamId), epoch: event(1).epoch };

function cut(events: readonly SyncEvent[], sizes: readonly number[]): readonly (readonly SyncEvent[])[] {
  const out: SyncEvent[][] = [];
  for (let at = 0, turn = 0; at < events.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    out.push(events.slice(at, at + size));
    at += size;
  }
  return out;
}

/** Runs batches as an owner does, and calls back after each. */
function run(
  given: readonly (readonly SyncEvent[])[],
  limit: number,
  each: (before: StreamState, heldBefore: ReorderBuffer, batch: readonly SyncEvent[], result: BatchResult) => void,
  remembers = true,
): { state: StreamState; applied: readonly SyncEvent[] } {
  let state = start;
  let held: ReorderBuffer = [];
  const applied: SyncEvent[] = [];
  for (const batch of given) {
    const lookup = lookupOf(applied);
    const result = applyBatch(deepFreeze(state), deepFreeze(batch), {
      ...(remembers ? { applied: lookup } : {}),
      held: deepFreeze(held),
      reorder_limit: limit,
    });
    each(state, held, batch, result);
    applied.push(...result.applied);
    ({ next: state, held } = result);
  }
  return { state, applied };
}

/** The trivial model: the events that came true, and how far they reach without a hole. */
function reachOf(events: readonly SyncEvent[]): number {
  const seen = new Set(events.filter((one) => theLog.some((true_) => sameEvent(one, true_))).map(({ seq: at }) => at));
  let reach = 0;
  while (seen.has(BigInt(reach + 1))) reach += 1;
  return reach;
}

function sameEvent(one: SyncEvent, other: SyncEvent): boolean {
  return (
    one.seq === other.seq &&
    one.epoch === other.epoch &&
    one.stream_id === other.stream_id &&
    one.payload === other.payload
  );
}

describe('applyBatch against a model', () => {
  test('I1 I2 I9 with room to reorder, watermark and chain are those of the longest prefix that was seen', () => {
    fc.assert(
      fc.property(batches, (given) => {
        const seen: SyncEvent[] = [];
        const end = run(given, length, (_before, _held, batch, result) => {
          seen.push(...batch);
          const reach = reachOf(seen);
          expect(result.next.seq).toBe(BigInt(reach));
          expect(result.next.chain).toBe(chainOf(theLog.slice(0, reach)));
        });
        expect(end.applied).toEqual(theLog);
      }),
    );
  });

  test('I1 I2 I4 I6 whatever the room, what is applied is a prefix of the log, and nothing unseen is passed', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 6 }), (given, limit) => {
        const seen: SyncEvent[] = [];
        const end = run(given, limit, (before, _held, batch, result) => {
          seen.push(...batch);
          expect(result.next.seq).toBe(before.seq + BigInt(result.applied.length));
          expect(result.next.seq).toBeLessThanOrEqual(BigInt(reachOf(seen)));
        });
        expect(end.applied).toEqual(theLog.slice(0, end.applied.length));
        expect(end.state.chain).toBe(chainOf(end.applied));
      }),
    );
  });

  test('I7 every event stands in exactly one list', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 6 }), fc.boolean(), (given, limit, remembers) => {
        const check: Parameters<typeof run>[2] = (_before, held, batch, result) => {
          const out = [
            ...result.applied,
            ...result.duplicates,
            ...result.stale,
            ...result.conflicts.map((conflict) => conflict.event),
            ...result.other_epoch,
            ...result.held,
            ...result.dropped,
          ];
          expect(countsOf(out)).toEqual(countsOf([...held, ...batch]));
        };
        run(given, limit, check, remembers);
      }),
    );
  });

  test('I8 I10 the buffer is bounded and sorted, and a gap is named exactly when something beyond is left', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 6 }), (given, limit) => {
        run(given, limit, (_before, _held, _batch, result) => {
          expect(result.held.length).toBeLessThanOrEqual(limit);
          const places = result.held.map(({ seq: at }) => at);
          expect(places).toEqual([...new Set(places)].sort((a, b) => Number(a - b)));
          const left = [...result.held, ...result.dropped, ...result.conflicts.map((conflict) => conflict.event)].some(
            (one) => one.seq > result.next.seq && one.epoch === result.next.epoch && one.stream_id === streamId,
          );
          expect(result.gap !== undefined).toBe(left);
          if (result.gap === undefined) return;
          expect(result.gap.expected).toBe(result.next.seq + 1n);
          expect(result.gap.rewind).toEqual({ epoch: result.next.epoch, seq: result.next.seq });
        });
      }),
    );
  });

  test('I9 an overflow is cured by reading again from the rewind position', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 6 }), (given, limit) => {
        const end = run(given, limit, () => {});
        const rest = applyBatch(end.state, theLog.slice(Number(end.state.seq)), { reorder_limit: limit });
        expect(rest.next).toEqual({ ...start, seq: BigInt(length), chain: chainOf(theLog) });
      }),
    );
  });

  test('I5 a rival of an applied event is always a conflict and never changes the state', () => {
    fc.assert(
      fc.property(fc.array(seq, { minLength: 1 }), (rivals) => {
        const state = { ...start, seq: BigInt(length), chain: chainOf(theLog) };
        const result = applyBatch(state, rivals.map(rival), { applied: lookupOf(theLog) });
        expect(result.conflicts.map(({ reason }) => reason)).toEqual(rivals.map(() => 'hash_differs'));
        expect(result.next).toEqual(state);
      }),
    );
  });

  test('I13 the same input gives the same result, and no input is changed', () => {
    fc.assert(
      fc.property(batches, (given) => {
        // run() freezes every input, so a change would throw.
        const results: BatchResult[] = [];
        run(given, 4, (_before, _held, _batch, result) => results.push(result));
        let turn = 0;
        run(given, 4, (_before, _held, _batch, result) => {
          expect(result).toEqual(results[turn]);
          turn += 1;
        });
      }),
      { numRuns: 30 },
    );
  });
});

describe('the way of ordinary batches', () => {
  // Mostly in order, so that it is gone to its end, or to somewhere within a batch.
  const nearlyOrdered = fc
    .array(fc.tuple(seq, delivery), { maxLength: 6 })
    .map((strays) =>
      theLog.flatMap((one) => [one, ...strays.filter(([at]) => one.seq === BigInt(at)).map(([, e]) => e)]),
    );
  const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
  const starts = fc.constantFrom(start, initialState(streamId));

  test('I13 gives what the way of all others gives', () => {
    fc.assert(
      fc.property(fc.oneof(nearlyOrdered, deliveries), cuts, starts, (events, sizes, from) => {
        let state = from;
        let held: ReorderBuffer = [];
        const applied: SyncEvent[] = [];
        for (const batch of cut(events, sizes)) {
          const { hashAt } = lookupOf(applied);
          const result = applyBatch(state, batch, { applied: { hashAt }, held, reorder_limit: 4 });
          // Keys to be looked up rule the short way out.
          const looked = { hashAt, seqOf: () => undefined };
          expect(result).toEqual(applyBatch(state, batch, { applied: looked, held, reorder_limit: 4 }));
          applied.push(...result.applied);
          ({ next: state, held } = result);
        }
      }),
    );
  });

  test('I7 what is applied is a list of its own', () => {
    const given = [event(1), event(2)];
    const { applied } = applyBatch(start, given);
    given.length = 0;
    expect(applied).toEqual([event(1), event(2)]);
  });
});

function countsOf(events: readonly SyncEvent[]): Map<SyncEvent, number> {
  const counts = new Map<SyncEvent, number>();
  for (const one of events) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
}
