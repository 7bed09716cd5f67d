import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  defaultResetLimits,
  type Floor,
  initialState,
  noResets,
  type ResetHistory,
  resetToFloor,
  type StreamState,
} from '../src/index.ts';
import { deepFreeze, epoch, otherEpoch, stateAt, streamId } from './support.ts';

const floor: Floor = { epoch, seq: 10n, chain: 'floor' };
const limits = { max_resets: 2, window_ms: 1_000 };

describe('resetToFloor', () => {
  test('I11 a stale cursor goes to the floor, and the reset is remembered', () => {
    expect(resetToFloor(deepFreeze(stateAt(3)), floor, noResets, 5, limits)).toEqual({
      outcome: 'reset',
      state: { stream_id: streamId, ...floor },
      history: { resets: [5], blocked: undefined },
    });
  });

  test('I11 unless told otherwise, three resets in ten minutes are allowed', () => {
    expect(defaultResetLimits).toEqual({ max_resets: 3, window_ms: 600_000 });
    const history: ResetHistory = { resets: [0, 1, 2], blocked: undefined };
    expect(resetToFloor(stateAt(3), floor, history, 599_999).outcome).toBe('blocked');
    expect(resetToFloor(stateAt(3), floor, history, 600_000).outcome).toBe('reset');
  });

  test('I11 more resets than the window allows end in a block that stays and keeps the state', () => {
    const state = stateAt(3);
    const history: ResetHistory = { resets: [100, 200], blocked: undefined };
    const blocked = resetToFloor(state, floor, history, 900, limits);
    expect(blocked).toEqual({
      outcome: 'blocked',
      state,
      history: { resets: [100, 200], blocked: { reason: 'resets_exhausted', at: 900, floor } },
    });
    expect(resetToFloor(state, floor, blocked.history, 99_999, limits)).toEqual(blocked);
  });

  test('I11 a reset that has left the window does not count', () => {
    const history: ResetHistory = { resets: [100, 200], blocked: undefined };
    expect(resetToFloor(stateAt(3), floor, history, 1_100, limits)).toMatchObject({
      outcome: 'reset',
      history: { resets: [200, 1_100] },
    });
  });

  test.each([
    ['a clock that went back', 50, limits],
    ['a reading that is not a number', Number.NaN, limits],
    ['limits that are not numbers', 5_000, { max_resets: Number.NaN, window_ms: Number.NaN }],
    ['no resets allowed', 5_000, { max_resets: 0, window_ms: 1_000 }],
  ])('I11 %s allows no further reset', (_name, now, given) => {
    const history: ResetHistory = { resets: [100, 200], blocked: undefined };
    expect(resetToFloor(stateAt(3), floor, history, now, given).outcome).toBe('blocked');
  });

  test('I12 in the same epoch a floor behind the watermark blocks', () => {
    const result = resetToFloor(stateAt(11), floor, noResets, 5, limits);
    expect(result).toMatchObject({ outcome: 'blocked', history: { blocked: { reason: 'floor_behind_watermark' } } });
    expect(result.state).toEqual(stateAt(11));
  });

  test('I12 in the same epoch another chain at the watermark blocks, the same chain does not', () => {
    expect(resetToFloor(stateAt(10), floor, noResets, 5, limits)).toMatchObject({
      outcome: 'blocked',
      history: { blocked: { reason: 'floor_chain_differs' } },
    });
    const same = { epoch, seq: 10n, chain: stateAt(10).chain };
    expect(resetToFloor(stateAt(10), same, noResets, 5, limits).outcome).toBe('reset');
  });

  test('I12 another epoch, or no position, takes any floor', () => {
    const rebuilt: Floor = { epoch: otherEpoch, seq: 0n, chain: 'genesis' };
    expect(resetToFloor(stateAt(11), rebuilt, noResets, 5, limits)).toMatchObject({ outcome: 'reset', state: rebuilt });
    expect(resetToFloor(initialState(streamId), floor, noResets, 5, limits)).toMatchObject({ state: floor });
  });

  test.each([
    { ...floor, epoch: '' },
    { ...floor, seq: -1n },
  ])('a floor that is no place is refused', (given) => {
    expect(() => resetToFloor(stateAt(3), given, noResets, 5)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });

  test('I11 I12 under any floors and times, no window holds more resets than allowed and no epoch goes back', () => {
    const step = fc.record({
      wait: fc.integer({ min: 0, max: 700 }),
      epoch: fc.constantFrom(epoch, otherEpoch),
      seq: fc.bigInt({ min: 0n, max: 30n }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), (steps, max_resets) => {
        let state: StreamState = stateAt(3);
        let history = noResets;
        let now = 0;
        const done: number[] = [];
        for (const { wait, ...place } of steps) {
          now += wait;
          const result = resetToFloor(state, { ...place, chain: `at ${place.seq}` }, history, now, {
            max_resets,
            window_ms: 1_000,
          });
          if (result.outcome === 'reset') {
            if (place.epoch === state.epoch) expect(result.state.seq).toBeGreaterThanOrEqual(state.seq);
            done.push(now);
          } else expect(result.state).toBe(state);
          expect(done.filter((at) => now - at < 1_000).length).toBeLessThanOrEqual(max_resets);
          ({ state, history } = result);
        }
      }),
    );
  });
});
