import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { staleReason, staleReasons } from '../src/index.ts';

describe('S1 stale cursors', () => {
  test.each<[string, Parameters<typeof staleReason>[0], string | undefined]>([
    ['nothing removed', { after: 0n, first_kept: 1n, head: 9n }, undefined],
    ['the last removed event was applied', { after: 4n, first_kept: 5n, head: 9n }, undefined],
    ['one event is missing', { after: 3n, first_kept: 5n, head: 9n }, 'retention_floor_breach'],
    ['a new reader of a trimmed stream', { after: 0n, first_kept: 2n, head: 9n }, 'retention_floor_breach'],
    ['everything was removed', { after: 9n, first_kept: 10n, head: 9n }, undefined],
    ['the budget is just enough', { after: 4n, first_kept: 1n, head: 9n, replay_budget: 5n }, undefined],
    ['the budget is one short', { after: 4n, first_kept: 1n, head: 9n, replay_budget: 4n }, 'replay_budget_exceeded'],
    ['no budget at all', { after: 9n, first_kept: 1n, head: 9n, replay_budget: 0n }, undefined],
    ['both', { after: 0n, first_kept: 5n, head: 9n, replay_budget: 1n }, 'retention_floor_breach'],
  ])('%s', (_name, check, reason) => {
    expect(staleReason(check)).toBe(reason);
  });

  test('the reasons are listed in the order of checking', () => {
    expect(staleReasons).toEqual(['retention_floor_breach', 'replay_budget_exceeded']);
  });

  test('a cursor is served by replay exactly when no kept event is missing and the budget suffices', () => {
    const small = fc.bigInt({ min: 0n, max: 20n });
    fc.assert(
      fc.property(small, small, small, fc.option(small, { nil: undefined }), (after, removed, more, replay_budget) => {
        const head = removed + more;
        const missing = removed > after;
        const within = replay_budget === undefined || head - after <= replay_budget;
        const reason = staleReason({ after, first_kept: removed + 1n, head, replay_budget });
        expect(reason === undefined).toBe(!missing && within);
        if (missing) expect(reason).toBe('retention_floor_breach');
      }),
    );
  });
});
