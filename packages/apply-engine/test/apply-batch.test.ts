import { describe, expect, test } from '@jest/globals';
import { ApplyError, applyBatch, defaultReorderLimit, highestSeq, initialState } from '../src/index.ts';
import { damaged, event, log, lookupOf, otherEpoch, rival, stateAt, streamId } from './support.ts';

const seqs = (events: readonly { seq: bigint }[]) => events.map(({ seq }) => Number(seq));

describe('applyBatch', () => {
  test('I1 a forward gap leaves the watermark before it and rewinds to the watermark, not beyond', () => {
    const result = applyBatch(stateAt(22), [event(25)]);
    expect(result.next).toEqual(stateAt(22));
    expect(result.applied).toEqual([]);
    expect(seqs(result.held)).toEqual([25]);
    expect(result.gap).toEqual({
      expected: 23n,
      received: 25n,
      cause: 'missing',
      rewind: { epoch: stateAt(22).epoch, seq: 22n },
    });
  });

  test('I1 what was held back is applied when the missing events come', () => {
    const first = applyBatch(stateAt(22), [event(25), event(24), event(27)]);
    const second = applyBatch(first.next, [event(23)], { held: first.held });
    expect(seqs(second.applied)).toEqual([23, 24, 25]);
    expect(second.next).toEqual(stateAt(25));
    expect(seqs(second.held)).toEqual([27]);
    expect(second.gap).toMatchObject({ expected: 26n, received: 27n, cause: 'missing' });
  });

  test('I3 a batch of only repeated events changes nothing', () => {
    const result = applyBatch(stateAt(3), log(3), { applied: lookupOf(log(3)) });
    expect(result.next).toEqual(stateAt(3));
    expect(seqs(result.duplicates)).toEqual([1, 2, 3]);
    expect(result.gap).toBeUndefined();
  });

  test('I4 a damaged event is quarantined, and its sequence stays missing until a true copy comes', () => {
    const alone = applyBatch(stateAt(3), [damaged(4)]);
    expect(alone.next).toEqual(stateAt(3));
    expect(alone.conflicts).toEqual([
      { stream_id: streamId, reason: 'payload_hash_mismatch', event: damaged(4), known_hash: undefined },
    ]);
    expect(alone.gap).toMatchObject({ expected: 4n, received: undefined, cause: 'quarantined' });
    const cured = applyBatch(stateAt(3), [damaged(4), event(5), event(4)]);
    expect(cured.next).toEqual(stateAt(5));
    expect(cured.gap).toBeUndefined();
  });

  test('I5 two events for one sequence inside a batch are a conflict, applied or held back', () => {
    const known_hash = event(4).payload_hash;
    const applied = applyBatch(stateAt(3), [event(4), rival(4)]);
    expect(applied.conflicts).toEqual([{ stream_id: streamId, reason: 'hash_differs', event: rival(4), known_hash }]);
    expect(applied.next).toEqual(stateAt(4));
    const held = applyBatch(stateAt(2), [event(4), rival(4), event(4)]);
    expect(held.conflicts).toEqual([{ stream_id: streamId, reason: 'hash_differs', event: rival(4), known_hash }]);
    expect(seqs(held.duplicates)).toEqual([4]);
    expect(seqs(held.held)).toEqual([4]);
  });

  test('I5 a key repeated inside one batch is a conflict when keys can be looked up', () => {
    const batch = [event(4), event(5, { idempotency_key: 'key-4' })];
    const checked = applyBatch(stateAt(3), batch, { applied: lookupOf(log(3)) });
    expect(checked.conflicts).toMatchObject([{ reason: 'idempotency_key_reused', event: { seq: 5n } }]);
    expect(checked.next).toEqual(stateAt(4));
    expect(checked.gap).toMatchObject({ expected: 5n, cause: 'quarantined' });
  });

  test('I5 a key of an earlier batch is a conflict when keys can be looked up', () => {
    const reused = event(4, { idempotency_key: 'key-2' });
    const checked = applyBatch(stateAt(3), [reused], { applied: lookupOf(log(3)) });
    expect(checked.conflicts).toMatchObject([{ reason: 'idempotency_key_reused', event: { seq: 4n } }]);
    const { hashAt } = lookupOf(log(3));
    expect(applyBatch(stateAt(3), [reused], { applied: { hashAt } }).applied).toEqual([reused]);
  });

  test('I7 every list keeps the order in which events came', () => {
    const strangers = [event(9, { epoch: otherEpoch }), event(8, { epoch: otherEpoch })];
    const result = applyBatch(stateAt(5), [...strangers, event(3), event(2), rival(9), event(0)], {
      applied: { hashAt: (seq) => (seq === 4n ? event(4).payload_hash : undefined) },
      held: [event(9)],
    });
    expect(result.other_epoch).toEqual(strangers);
    expect(seqs(result.stale)).toEqual([3, 2]);
    expect(result.conflicts.map(({ reason }) => reason)).toEqual(['hash_differs', 'invalid_seq']);
    const unread = applyBatch(initialState(streamId), [event(7), ...strangers]);
    expect(unread.other_epoch).toEqual(strangers);
    const repeated = applyBatch(stateAt(5), [event(4), event(9), event(4), event(9), event(8), event(8)], {
      applied: lookupOf(log(5)),
    });
    expect(seqs(repeated.duplicates)).toEqual([4, 4, 9, 8]);
  });

  test('I3 with events held back, one that can never belong is still told apart from one of another epoch', () => {
    const odd = event(0, { epoch: otherEpoch });
    const result = applyBatch(stateAt(3), [odd], { held: [event(9)] });
    expect(result).toMatchObject({ conflicts: [{ reason: 'invalid_seq', event: odd }], other_epoch: [] });
    const foreign = event(1, { epoch: otherEpoch, stream_id: 'runtime.other' });
    const unread = applyBatch(initialState(streamId), [event(9), foreign]);
    expect(unread).toMatchObject({ conflicts: [{ reason: 'foreign_stream', event: foreign }], other_epoch: [] });
  });

  test('I10 what was damaged in an epoch that turned out to be another one is not missed', () => {
    const result = applyBatch(initialState(streamId), [damaged(2), event(1, { epoch: otherEpoch })]);
    expect(result.next).toMatchObject({ epoch: otherEpoch, seq: 1n });
    expect(result.gap).toBeUndefined();
  });

  test('I6 events of another epoch are set apart and the rest goes on', () => {
    const stranger = event(5, { epoch: otherEpoch });
    const result = applyBatch(stateAt(3), [event(4), stranger, event(5)]);
    expect(result.other_epoch).toEqual([stranger]);
    expect(result.next).toEqual(stateAt(5));
  });

  test('I6 a reader without a position does not mix the epochs of held-back events', () => {
    const stranger = event(1, { epoch: otherEpoch });
    const result = applyBatch(initialState(streamId), [event(2), stranger]);
    expect(result.other_epoch).toEqual([stranger]);
    expect(result.next).toEqual(initialState(streamId));
    expect(result.gap).toMatchObject({ expected: 1n, received: 2n, rewind: null });
    expect(applyBatch(result.next, [event(1)], { held: result.held }).next).toEqual(stateAt(2));
  });

  test('I6 events held back before a reset to another epoch do not stay in the buffer', () => {
    const old = event(9);
    const rebuilt = { ...stateAt(0), epoch: otherEpoch };
    const result = applyBatch(rebuilt, [], { held: [old] });
    expect(result).toMatchObject({ held: [], other_epoch: [old], gap: undefined });
  });

  test('I8 a full buffer keeps the nearest events and says so', () => {
    const result = applyBatch(stateAt(0), [event(9), event(3), event(7), event(5)], { reorder_limit: 2 });
    expect(seqs(result.held)).toEqual([3, 5]);
    expect(seqs(result.dropped)).toEqual([9, 7]);
    expect(result.gap).toMatchObject({ expected: 1n, received: 3n, cause: 'overflow' });
  });

  test('I10 an event of no valid sequence or of another stream asks for no rewind', () => {
    const strangers = [event(0), event(4, { seq: highestSeq + 1n }), event(9, { stream_id: 'runtime.other' })];
    const result = applyBatch(stateAt(3), strangers);
    expect(result.conflicts.map(({ reason }) => reason)).toEqual(['invalid_seq', 'invalid_seq', 'foreign_stream']);
    expect(result.gap).toBeUndefined();
  });

  test('I14 without a lookup, events of earlier batches are stale', () => {
    expect(seqs(applyBatch(stateAt(3), [event(2)]).stale)).toEqual([2]);
  });

  test('I8 the buffer has room for 256 events unless it is told otherwise', () => {
    expect(defaultReorderLimit).toBe(256);
    const early = Array.from({ length: 300 }, (_, index) => event(index + 5));
    expect(applyBatch(stateAt(3), early)).toMatchObject({ held: { length: 256 }, dropped: { length: 44 } });
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('a reorder limit of %d is refused', (limit) => {
    const run = () => applyBatch(stateAt(0), [], { reorder_limit: limit });
    expect(run).toThrow(ApplyError);
    expect(run).toThrow(expect.objectContaining({ code: 'invalid_option', recovery: 'stop' }));
  });
});
