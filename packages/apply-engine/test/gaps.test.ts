// Streams of which the host leaves sequences out: nothing can be held back for them, and nothing may be passed in silence.
import type { Contiguity, SyncEvent } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ApplyError, applyBatch, type BatchResult, compareHead, initialState, type StreamState } from '../src/index.ts';
import {
  chainOf,
  damaged,
  deepFreeze,
  epoch,
  event,
  lookupOf,
  otherEpoch,
  rival,
  stateAt,
  streamId,
} from './support.ts';

const contiguity: Contiguity = 'gaps-allowed';
const seqs = (events: readonly { seq: bigint }[]) => events.map(({ seq }) => Number(seq));
/** A lookup that knows everything that was applied. */
const complete = (events: readonly SyncEvent[]) => ({ ...lookupOf(events), complete_after: 0n });

describe('applyBatch where gaps are allowed', () => {
  test('I16 a batch is applied in rising sequence, whatever its order and its holes', () => {
    const result = applyBatch(stateAt(3), [event(9), event(5), event(7)], { contiguity });
    expect(seqs(result.applied)).toEqual([5, 7, 9]);
    expect(result.next).toEqual({
      ...stateAt(3),
      seq: 9n,
      chain: chainOf([event(5), event(7), event(9)], stateAt(3).chain),
    });
    expect(result).toMatchObject({ gap: undefined, held: [], dropped: [], conflicts: [], alarms: [] });
  });

  test('I16 an event that comes after a later one is a conflict where that can be told, and stale where not', () => {
    const applied = [event(2), event(5), event(9)];
    const state = { ...stateAt(0), seq: 9n };
    const told = applyBatch(state, [event(5), event(7)], { contiguity, applied: complete(applied) });
    expect(seqs(told.duplicates)).toEqual([5]);
    expect(told.conflicts).toMatchObject([{ reason: 'passed_over', event: { seq: 7n }, known_hash: undefined }]);
    expect(told.alarms).toMatchObject([{ code: 'passed_over', recovery: 'resnapshot', seq: 7n }]);
    const untold = applyBatch(state, [event(7)], { contiguity, applied: lookupOf(applied) });
    expect(seqs(untold.stale)).toEqual([7]);
  });

  test('I16 a repeat inside one batch is a duplicate, and a rival a conflict', () => {
    const result = applyBatch(stateAt(3), [event(7), event(5), rival(7), event(7)], { contiguity });
    expect(seqs(result.applied)).toEqual([5, 7]);
    expect(seqs(result.duplicates)).toEqual([7]);
    expect(result.conflicts).toEqual([
      { stream_id: streamId, reason: 'hash_differs', event: rival(7), known_hash: event(7).payload_hash },
    ]);
    expect(result.gap).toBeUndefined();
  });

  test('I17 nothing is applied beyond an event that could not be taken, until a true copy of it comes', () => {
    const first = applyBatch(stateAt(3), [event(5), damaged(7), event(9)], { contiguity });
    expect(seqs(first.applied)).toEqual([5]);
    expect(seqs(first.dropped)).toEqual([9]);
    expect(first.held).toEqual([]);
    expect(first.next).toMatchObject({ seq: 5n, awaits: { epoch, seq: 7n } });
    expect(first.gap).toEqual({ expected: 7n, received: undefined, cause: 'quarantined', rewind: { epoch, seq: 5n } });
    // What was on its way before the rewind is answered.
    const late = applyBatch(first.next, [event(11), event(13)], { contiguity });
    expect(seqs(late.dropped)).toEqual([11, 13]);
    expect(late).toMatchObject({ applied: [], next: first.next, gap: { expected: 7n } });
    const nothing = applyBatch(first.next, [], { contiguity });
    expect(nothing).toMatchObject({ gap: { expected: 7n } });
    const cured = applyBatch(late.next, [event(7), event(9), event(11)], { contiguity });
    expect(seqs(cured.applied)).toEqual([7, 9, 11]);
    expect(cured.next).toEqual({ ...stateAt(3), seq: 11n, chain: expect.any(String) });
    expect(cured.gap).toBeUndefined();
  });

  test('I17 of several that could not be taken, the first is awaited', () => {
    const both = applyBatch(stateAt(3), [damaged(9), damaged(7)], { contiguity });
    expect(both.next.awaits).toEqual({ epoch, seq: 7n });
    const before = applyBatch(both.next, [damaged(6), damaged(12)], { contiguity });
    expect(before.next.awaits).toEqual({ epoch, seq: 6n });
  });

  test('I17 a repeated key holds up what comes after it', () => {
    const reused = event(7, { idempotency_key: 'key-5' });
    const result = applyBatch(stateAt(3), [event(5), reused, event(9)], { contiguity, applied: complete([]) });
    expect(seqs(result.applied)).toEqual([5]);
    expect(result).toMatchObject({
      conflicts: [{ reason: 'idempotency_key_reused' }],
      gap: { expected: 7n, cause: 'quarantined' },
    });
  });

  test('I17 what can never belong to the stream holds nothing up', () => {
    const strangers = [event(0), event(9, { stream_id: 'runtime.other' }), event(6, { epoch: otherEpoch })];
    const result = applyBatch(stateAt(3), [...strangers, event(5)], { contiguity });
    expect(seqs(result.applied)).toEqual([5]);
    expect(result).toMatchObject({ gap: undefined, other_epoch: [strangers[2]] });
    expect(result.next.awaits).toBeUndefined();
  });

  test('I16 of two events for one sequence the first that came is taken', () => {
    for (const [one, other] of [
      [event(7), rival(7)],
      [rival(7), event(7)],
    ] as const) {
      const result = applyBatch(stateAt(3), [event(9), one, other], { contiguity });
      expect(result.applied).toEqual([one, event(9)]);
      expect(result.conflicts).toMatchObject([{ reason: 'hash_differs', event: other }]);
    }
  });

  test('I17 what is awaited is of the epoch that is read', () => {
    const before = applyBatch(initialState(streamId), [damaged(5)], { contiguity });
    expect(before.next.awaits).toEqual({ epoch, seq: 5n });
    const rebuilt = [event(3, { epoch: otherEpoch }), { ...damaged(9), epoch: otherEpoch }];
    const after = applyBatch(before.next, rebuilt, { contiguity });
    expect(after.next).toMatchObject({ epoch: otherEpoch, seq: 3n, awaits: { epoch: otherEpoch, seq: 9n } });
    const still = applyBatch(before.next, [{ ...damaged(9), epoch: otherEpoch }], { contiguity });
    expect(still.next.awaits).toEqual({ epoch: otherEpoch, seq: 9n });
  });

  test('I6 what is of another stream, or of no epoch, does not say which epoch is read', () => {
    const foreign = event(1, { epoch: otherEpoch, stream_id: 'runtime.other' });
    const nameless = event(2, { epoch: '' });
    const result = applyBatch(initialState(streamId), [foreign, nameless, event(5)], { contiguity });
    expect(result).toMatchObject({ applied: [event(5)], other_epoch: [nameless], next: { epoch, seq: 5n } });
    expect(result.conflicts).toMatchObject([{ reason: 'foreign_stream' }]);
  });

  test('I6 a reader without a position takes the epoch of what came first, not of the lowest sequence', () => {
    const stranger = event(2, { epoch: otherEpoch });
    const result = applyBatch(initialState(streamId), [event(5), stranger, event(3)], { contiguity });
    expect(seqs(result.applied)).toEqual([3, 5]);
    expect(result.other_epoch).toEqual([stranger]);
    const refused = applyBatch(initialState(streamId), [damaged(5), stranger], { contiguity });
    expect(refused).toMatchObject({ applied: [], other_epoch: [stranger], next: { seq: 0n }, gap: { rewind: null } });
  });

  test('I16 events held back by a dense reader are taken when the stream is read with gaps', () => {
    const result = applyBatch(stateAt(3), [event(4)], { contiguity, held: [event(6)] });
    expect(seqs(result.applied)).toEqual([4, 6]);
    expect(result.held).toEqual([]);
  });

  test('another contiguity is refused', () => {
    const run = () => applyBatch(stateAt(0), [], { contiguity: 'sparse' as Contiguity });
    expect(run).toThrow(ApplyError);
    expect(run).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });
});

// A log with holes, read in order by a lane that damages, repeats and rewinds; some runs also break the order.
const theLog = Array.from({ length: 60 }, (_, index) => index + 1)
  .filter((seq) => seq % 3 !== 0 && seq % 7 !== 0)
  .map((seq) => event(seq));
const step = fc.record({
  take: fc.integer({ min: 1, max: 6 }),
  back: fc.constantFrom(0, 0, 0, 1, 4),
  skip: fc.constantFrom(0, 0, 0, 0, 2),
  damage: fc.option(fc.nat({ max: 5 }), { freq: 4 }),
});

interface Run {
  state: StreamState;
  readonly applied: SyncEvent[];
  /** Events of the log that came after a later one was applied, and what was said of them. */
  readonly passed: BatchResult['conflicts'][number][];
}

/** Reads on; `isInOrder` says whether the lane keeps its promise and rewinds whenever it is asked to. */
function read(
  steps: readonly { take: number; back: number; skip: number; damage: number | null }[],
  isInOrder: boolean,
): Run {
  const run: Run = { state: { ...initialState(streamId), epoch }, applied: [], passed: [] };
  let at = 0;
  for (const { take, back, skip, damage } of steps) {
    at = Math.max(0, at - back) + (isInOrder ? 0 : skip);
    const batch = theLog.slice(at, at + take).map((one, index) => (index === damage ? damaged(one.seq) : one));
    const result = applyBatch(deepFreeze(run.state), deepFreeze(batch), { contiguity, applied: complete(run.applied) });
    run.applied.push(...result.applied);
    run.passed.push(...result.conflicts.filter(({ reason }) => reason === 'passed_over'));
    expect(result.alarms).toHaveLength(result.conflicts.length);
    run.state = result.next;
    at += batch.length;
    if (result.gap !== undefined) at = theLog.filter(({ seq }) => seq <= run.state.seq).length;
  }
  return run;
}

describe('applyBatch where gaps are allowed, against a model', () => {
  test('I2 I16 I17 of a lane in order a prefix of the log is applied, whatever it damages and repeats', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { state, applied, passed } = read(steps, true);
        expect(applied).toEqual(theLog.slice(0, applied.length));
        expect(state).toMatchObject({ seq: applied.at(-1)?.seq ?? 0n, chain: chainOf(applied) });
        expect(passed).toEqual([]);
      }),
    );
  });

  test('I15 I16 what a lane out of order leaves out shows in the chain at the head, and in a conflict when it comes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { state, applied } = read(steps, false);
        const due = theLog.filter(({ seq }) => seq <= state.seq);
        const lost = due.filter((one) => !applied.includes(one));
        const head = { epoch, head: state.seq, head_chain: chainOf(due) };
        expect(compareHead(state, head)).toBe(lost.length === 0 ? 'equal' : 'differs');
        const { conflicts } = applyBatch(state, lost, { contiguity, applied: complete(applied) });
        expect(conflicts.map((conflict) => conflict.event)).toEqual(lost);
      }),
    );
  });
});
