import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type BackoffPolicy, backoffDelay, isBackoffPolicy, type Random, SyncError } from '../src/index.ts';

const policy: BackoffPolicy = { floorMs: 250, baseMs: 500, capMs: 30_000 };
const drawing = (draw: number): Random => ({ next: () => draw, bytes: (length) => new Uint8Array(length) });
const almostOne = 1 - 2 ** -48;

const milliseconds = fc.oneof(fc.integer({ min: 0, max: 600_000 }), fc.double({ min: 0, max: 1e12, noNaN: true }));
const policies = fc
  .tuple(milliseconds, milliseconds, milliseconds)
  .map(([floorMs, baseMs, above]) => ({ floorMs, baseMs, capMs: floorMs + above }))
  .filter(({ baseMs, capMs }) => baseMs > 0 && capMs > 0);
const draws = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const anyNumber = fc.oneof(
  fc.double(),
  fc.integer({ min: -3, max: 100 }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);

describe('backoff', () => {
  test('is never below the floor and never above the cap, whatever the failures', () => {
    fc.assert(
      fc.property(policies, anyNumber, draws, (limits, failures, draw) => {
        const delay = backoffDelay(limits, failures, drawing(draw));
        expect(delay).toBeGreaterThanOrEqual(limits.floorMs);
        expect(delay).toBeLessThanOrEqual(limits.capMs);
      }),
    );
  });

  test('is never shorter than the other side asked for, and no longer for what is no wait', () => {
    fc.assert(
      fc.property(policies, fc.nat(40), draws, anyNumber, (limits, failures, draw, retryAfterMs) => {
        const alone = backoffDelay(limits, failures, drawing(draw));
        const asked = Number.isFinite(retryAfterMs) ? retryAfterMs : 0;
        expect(backoffDelay(limits, failures, drawing(draw), retryAfterMs)).toBe(Math.max(alone, asked));
      }),
    );
  });

  test('grows with the failures and with the draw', () => {
    fc.assert(
      fc.property(policies, fc.nat(40), draws, draws, (limits, failures, one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        const delay = backoffDelay(limits, failures, drawing(low));
        expect(backoffDelay(limits, failures + 1, drawing(low))).toBeGreaterThanOrEqual(delay);
        expect(backoffDelay(limits, failures, drawing(high))).toBeGreaterThanOrEqual(delay);
      }),
    );
  });

  test('the jitter is full: from the floor to the doubled base, evenly', () => {
    expect([0, 0.25, 0.5, almostOne].map((draw) => backoffDelay(policy, 3, drawing(draw)))).toEqual([
      250, 1188, 2125, 4000,
    ]);
    expect([0, 1, 2, 5, 6, 7, 1000].map((failures) => backoffDelay(policy, failures, drawing(almostOne)))).toEqual([
      500, 1000, 2000, 16_000, 30_000, 30_000, 30_000,
    ]);
  });

  test('a base below the floor and a floor at the cap leave the floor', () => {
    expect(backoffDelay({ floorMs: 250, baseMs: 1, capMs: 1000 }, 3, drawing(almostOne))).toBe(250);
    expect(backoffDelay({ floorMs: 1000, baseMs: 1, capMs: 1000 }, 30, drawing(almostOne))).toBe(1000);
  });

  test('an unknown number of failures waits as after very many, a negative one as before the first', () => {
    expect(backoffDelay(policy, Number.NaN, drawing(almostOne))).toBe(30_000);
    expect(backoffDelay(policy, Number.POSITIVE_INFINITY, drawing(almostOne))).toBe(30_000);
    expect(backoffDelay(policy, -5, drawing(almostOne))).toBe(500);
  });

  test.each<[string, Partial<BackoffPolicy>]>([
    ['a floor below 0', { floorMs: -1 }],
    ['a floor that is no number', { floorMs: Number.NaN }],
    ['a base of 0', { baseMs: 0 }],
    ['a base that is no number', { baseMs: Number.NaN }],
    ['a negative base', { baseMs: -500 }],
    ['a cap below the floor', { capMs: 249 }],
    ['a cap of 0', { floorMs: 0, capMs: 0 }],
    ['no cap', { capMs: Number.POSITIVE_INFINITY }],
    ['a cap that is no number', { capMs: Number.NaN }],
  ])('%s is refused', (_what, wrong) => {
    const limits = { ...policy, ...wrong };
    expect(isBackoffPolicy(limits)).toBe(false);
    let caught: unknown;
    try {
      backoffDelay(limits, 0, drawing(0.5));
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(SyncError);
    expect(caught).toMatchObject({ code: 'invalid_request', details: limits });
  });
});
