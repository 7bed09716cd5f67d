import { expect, test } from '@jest/globals';
import { parseParityWindow } from '../../src/cutover/heartbeat-request.ts';
import { windowOf } from '../../src/cutover/parity-window.ts';

const whole = (from: number, to: number) =>
  windowOf({ pair: 'khala/spacetime', from, to, counts: { match: 1 }, samples: [] });

test.each([
  [whole(2, 1), 'ends before it begins'],
  [whole(-1e300, 1), 'beyond any clock'],
  [whole(1, 1e18), 'beyond any clock'],
  [{ ...whole(1, 2), more: 1 }, ''],
  [{ pair: 'khala/spacetime', from: 1, to: 2.5, counts: {} }, 'to'],
])('a window that no store could hold or that says nothing sound is refused: %#', (window, named) => {
  expect(() => parseParityWindow(window)).toThrow(
    expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining(named) }),
  );
});

test('times of a whole window may be fractions', () => {
  expect(parseParityWindow(whole(1.25, 2.5))).toEqual(whole(1.25, 2.5));
});
