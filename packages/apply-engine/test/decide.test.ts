import { type Contiguity, extendChain } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import { classify } from '../src/decide.ts';
import {
  type AppliedLookup,
  decide,
  decisionTable,
  type EventClass,
  highestSeq,
  initialState,
  noEpoch,
} from '../src/index.ts';
import { chainOf, damaged, deepFreeze, event, log, lookupOf, otherEpoch, rival, stateAt, streamId } from './support.ts';

const state = deepFreeze(stateAt(3));
const applied = lookupOf(log(3));
const nothing = { hashAt: () => undefined };

/** Knows what was applied at 2 and 3, and where it is complete says that nothing else was. */
const window: AppliedLookup = { ...applied, hashAt: (seq) => (seq === 1n ? undefined : applied.hashAt(seq)) };
const complete: AppliedLookup = { ...window, complete_after: 0n };

interface Example {
  readonly event: ReturnType<typeof event>;
  readonly lookup?: AppliedLookup;
}

// One example of every class; the type makes a new class without an example a compile error.
const examples: Record<EventClass, Example> = {
  'foreign-stream': { event: event(4, { stream_id: 'runtime.run.43.events' }) },
  'invalid-seq': { event: event(0) },
  'other-epoch': { event: event(4, { epoch: otherEpoch }) },
  'past-same': { event: event(2) },
  'past-other': { event: rival(2) },
  'past-unknown': { event: event(1) },
  'passed-over': { event: event(1), lookup: complete },
  untruthful: { event: damaged(4) },
  ahead: { event: event(6) },
  'key-reused': { event: event(4, { idempotency_key: 'key-2' }) },
  next: { event: event(4) },
};

describe('decide', () => {
  test.each(Object.entries(examples))('I3 an event of class %s has the outcome of the table', (name, example) => {
    const row = decisionTable[name as EventClass];
    const lookup = example.lookup ?? window;
    expect(classify(state, example.event, lookup, 'dense')).toBe(name);
    const decision = decide(state, deepFreeze(example.event), lookup);
    expect(decision.outcome).toBe(row.outcome);
    if (decision.outcome === 'conflict') expect(decision).toMatchObject({ reason: 'reason' in row ? row.reason : '' });
    expect('state' in decision).toBe(name === 'next');
  });

  test('I3 only what follows on is of another class where gaps are allowed', () => {
    const inGaps = (Object.entries(examples) as [EventClass, Example][]).map(([name, example]) => [
      name,
      classify(state, example.event, example.lookup ?? window, 'gaps-allowed'),
    ]);
    expect(inGaps).toEqual(Object.keys(examples).map((name) => [name, name === 'ahead' ? 'next' : name]));
  });

  test('I1 the next event moves the watermark by one', () => {
    expect(decide(state, event(4), applied)).toEqual({
      outcome: 'applied',
      state: { stream_id: streamId, epoch: state.epoch, seq: 4n, chain: extendChain(state.chain, event(4)) },
    });
  });

  test('I1 a gap names what is missing and carries no state', () => {
    expect(decide(stateAt(22), event(25), nothing)).toEqual({ outcome: 'gap', expected: 23n, received: 25n });
  });

  test('I2 the chain after all events is the chain of the log', () => {
    let reached = initialState(streamId);
    for (const next of log(20)) {
      const decision = decide(reached, next);
      if (decision.outcome === 'applied') reached = decision.state;
    }
    expect(reached).toEqual({ ...stateAt(20), chain: chainOf(log(20)) });
  });

  test('I4 a damaged event is a conflict both as the next one and beyond a gap', () => {
    const conflict = { outcome: 'conflict', reason: 'payload_hash_mismatch', known_hash: undefined };
    expect(decide(state, damaged(4), applied)).toEqual(conflict);
    expect(decide(state, damaged(9), applied)).toEqual(conflict);
  });

  test('I5 another hash at an applied sequence is a conflict that names the applied hash', () => {
    expect(decide(state, rival(2), applied)).toEqual({
      outcome: 'conflict',
      reason: 'hash_differs',
      known_hash: event(2).payload_hash,
    });
  });

  test('I5 a known key at a new sequence is a conflict, a known key at its own sequence is not', () => {
    expect(decide(state, event(4, { idempotency_key: 'key-1' }), applied)).toMatchObject({
      outcome: 'conflict',
      reason: 'idempotency_key_reused',
    });
    expect(decide(state, event(4), { ...nothing, seqOf: () => 4n })).toMatchObject({ outcome: 'applied' });
  });

  test.each([1, 3, 4, 100])('I6 an event of another epoch at seq %d is never applied or clamped', (seq) => {
    expect(decide(state, event(seq, { epoch: otherEpoch }), applied)).toEqual({
      outcome: 'snapshot-required',
      epoch: otherEpoch,
    });
  });

  test('I6 an event without an epoch is refused even by a reader without a position', () => {
    expect(decide(initialState(streamId), event(1, { epoch: noEpoch }))).toMatchObject({
      outcome: 'snapshot-required',
    });
  });

  test('I6 a reader without a position takes the epoch of the first event, and only of the first', () => {
    expect(decide(initialState(streamId), event(1))).toMatchObject({ outcome: 'applied', state: { seq: 1n } });
    expect(decide(initialState(streamId), event(2))).toEqual({ outcome: 'gap', expected: 1n, received: 2n });
  });

  test('I8 the highest sequence is what a signed 64-bit integer holds', () => {
    expect(highestSeq).toBe(9_223_372_036_854_775_807n);
  });

  test('I5 only a conflict about an applied hash names one', () => {
    const foreign = event(2, { stream_id: 'runtime.other' });
    expect(decide(state, foreign, applied)).toEqual({
      outcome: 'conflict',
      reason: 'foreign_stream',
      known_hash: undefined,
    });
  });

  test.each([0n, -1n, highestSeq + 1n])('I8 seq %d, which no store holds, is a conflict', (seq) => {
    expect(decide(state, event(4, { seq }), applied)).toMatchObject({ outcome: 'conflict', reason: 'invalid_seq' });
  });

  test('I14 a past event that cannot be compared is stale, not a duplicate', () => {
    expect(decide(state, event(2), nothing)).toEqual({ outcome: 'stale', seq: 2n });
    expect(decide(state, rival(2))).toEqual({ outcome: 'stale', seq: 2n });
  });

  test('I14 a lookup tells what was passed over only where it is complete', () => {
    const holed: AppliedLookup = { hashAt: () => undefined, complete_after: 2n };
    expect(decide(state, event(2), holed)).toEqual({ outcome: 'stale', seq: 2n });
    expect(decide(state, event(3), holed)).toMatchObject({ outcome: 'conflict', reason: 'passed_over' });
  });
});

const allowed: Contiguity = 'gaps-allowed';

describe('decide where gaps are allowed', () => {
  test('I16 any sequence beyond the watermark is applied and becomes the watermark', () => {
    expect(decide(state, event(9), applied, allowed)).toEqual({
      outcome: 'applied',
      state: { ...state, seq: 9n, chain: extendChain(state.chain, event(9)) },
    });
    expect(decide(initialState(streamId), event(700), nothing, allowed)).toMatchObject({ outcome: 'applied' });
    expect(decide(state, event(4, { seq: highestSeq }), applied, allowed)).toMatchObject({ outcome: 'applied' });
  });

  test('I17 nothing beyond an awaited sequence is applied, what lies before it and a true copy of it are', () => {
    const awaits = { epoch: state.epoch, seq: 7n };
    const waiting = { ...state, awaits };
    expect(decide(waiting, event(8), applied, allowed)).toEqual({ outcome: 'gap', expected: 7n, received: 8n });
    expect(decide(waiting, event(5), applied, allowed)).toMatchObject({ state: { seq: 5n, awaits } });
    const cured = decide(waiting, event(7), applied, allowed);
    expect(cured).toMatchObject({ outcome: 'applied', state: { seq: 7n } });
    expect('state' in cured && cured.state.awaits).toBeUndefined();
    // A dense stream has its next sequence to wait for, whatever else it is told.
    expect(decide(waiting, event(8), applied)).toEqual({ outcome: 'gap', expected: 4n, received: 8n });
  });

  test('I17 what is awaited of one epoch holds up no other', () => {
    const waiting = { ...initialState(streamId), awaits: { epoch: otherEpoch, seq: 2n } };
    const decision = decide(waiting, event(1), nothing, allowed);
    expect(decision).toMatchObject({ outcome: 'applied' });
    expect('state' in decision && decision.state.awaits).toBeUndefined();
    expect(decide(waiting, event(5), nothing, allowed)).toMatchObject({ outcome: 'applied' });
  });
});
