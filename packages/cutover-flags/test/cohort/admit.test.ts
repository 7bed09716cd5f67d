import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { admit, rosterOf } from '../../src/cohort/admit.ts';
import { bucketOf } from '../../src/cohort/bucket.ts';
import { unitOf } from '../../src/cohort/unit-of.ts';
import type { CutoverPolicy } from '../../src/policy/policy.ts';
import { decide } from '../../src/rulebook/decide.ts';
import { entry, env, now, policy } from '../support/policies.ts';

const salt = 'rollout-1';
const ids = Array.from({ length: 12 }, (_, n) => `desktop-${n}`);
const hashed = new Map(ids.map((id) => [id, bucketOf(salt, id)]));
const subject = (id: string) => ({ id, bucket: hashed.get(id) ?? bucketOf(salt, id) });

type Step =
  | { readonly type: 'ask'; readonly id: string }
  | { readonly type: 'share'; readonly percent: number }
  | { readonly type: 'cap'; readonly cap: number | null }
  | { readonly type: 'stage'; readonly stage: 0 | 1 | 2 };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ type: fc.constant('ask' as const), id: fc.constantFrom(...ids) }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('share' as const), percent: fc.constantFrom(0, 25, 50, 100) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('cap' as const), cap: fc.option(fc.nat(6)) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('stage' as const), stage: fc.constantFrom(0, 1, 2) }) },
  ),
  { maxLength: 60 },
);

/** Runs steps as control does, with the roster read anew each time, as after a restart. */
function run(given: readonly Step[], each: (held: CutoverPolicy, order: readonly string[]) => void): void {
  let held = policy({ cohort: { percent: 100, cap: 3 } });
  const order: string[] = [];
  for (const step of given) {
    if (step.type === 'share') held = { ...held, cohort: { ...held.cohort, percent: step.percent } };
    if (step.type === 'cap') held = { ...held, cohort: { ...held.cohort, cap: step.cap } };
    if (step.type === 'stage') held = { ...held, stage: step.stage };
    if (step.type === 'ask' && admit(rosterOf(salt, [...order]), subject(step.id), held, now).added)
      order.push(step.id);
    each(held, order);
  }
}

function admitted(held: CutoverPolicy, order: readonly string[]): string[] {
  return ids.filter((id) => {
    const outcome = admit(rosterOf(salt, order), subject(id), held, now);
    return outcome.admitted && !outcome.added;
  });
}

describe('admission', () => {
  test('R14 never more units than the cap are on spacetime by their share', () => {
    let most = 0;
    fc.assert(
      fc.property(steps, (given) => {
        run(given, (held, order) => {
          const { cap } = held.cohort;
          const inside = admitted(held, order);
          if (cap !== null) expect(inside.length).toBeLessThanOrEqual(cap);
          most = Math.max(most, inside.length);
          const live: CutoverPolicy = { ...held, stage: 1 };
          const there = ids.filter((id) => {
            const admission = { deployment: 'test', unit: id, salt, admitted: inside.includes(id), issued_at: now };
            return decide(live, unitOf(id, live, admission), env()).lane === 'spacetime';
          });
          if (cap !== null) expect(there.length).toBeLessThanOrEqual(cap);
        });
      }),
    );
    expect(most).toBeGreaterThan(2);
  });

  test('R14 a place is kept for good: the roster only grows at its end, whatever share, cap and stage do', () => {
    fc.assert(
      fc.property(steps, (given) => {
        let before: readonly string[] = [];
        run(given, (_held, order) => {
          expect(order.slice(0, before.length)).toEqual(before);
          expect(new Set(order).size).toBe(order.length);
          before = [...order];
        });
      }),
    );
  });

  test('R14 first come, first served; an admitted unit stays while the share shrinks and grows', () => {
    const order: string[] = [];
    const full = policy({ cohort: { percent: 100, cap: 2 } });
    const ask = (id: string, held = full) => {
      const outcome = admit(rosterOf(salt, order), subject(id), held, now);
      if (outcome.added) order.push(id);
      return outcome;
    };
    expect(ask('c')).toMatchObject({ admitted: true, added: true, position: 0 });
    expect(ask('a')).toMatchObject({ admitted: true, added: true, position: 1 });
    expect(ask('b')).toMatchObject({ admitted: false, added: false, position: null, reason: 'The cap is reached.' });
    expect(ask('c')).toMatchObject({ admitted: true, added: false, position: 0 });
    const none = policy({ cohort: { percent: 0, cap: 2 } });
    expect(ask('c', none)).toMatchObject({ admitted: true, added: false });
    expect(decide(none, { ...subject('c'), admitted: true }, env()).lane).toBe('khala');
    expect(ask('b')).toMatchObject({ admitted: false, added: false });
    expect(decide(full, { ...subject('c'), admitted: ask('c').admitted }, env()).lane).toBe('spacetime');
    // A lower cap takes effect on the last that came; a higher one lets the same unit in again.
    expect(ask('a', policy({ cohort: { percent: 100, cap: 1 } }))).toMatchObject({ admitted: false, position: 1 });
    expect(ask('a')).toMatchObject({ admitted: true, position: 1 });
  });

  test.each([
    ['in Stage 0', policy({ stage: 0, cohort: { percent: 100 } }), 'Units are admitted in Stage 1 only.'],
    ['when excluded', policy({ cohort: { percent: 100, exclude: [entry()] } }), 'It is excluded.'],
    ['outside the share', policy({ cohort: { percent: 0 } }), 'Its bucket is outside the share.'],
    ['with a cap of 0', policy({ cohort: { percent: 100, cap: 0 } }), 'The cap is reached.'],
  ])('R14 nobody gets a place %s', (_when, held, reason) => {
    const outcome = admit(rosterOf(salt, []), subject('desktop-1'), held, now);
    expect(outcome).toEqual({ admitted: false, position: null, added: false, reason });
  });

  test('R14 a roster of another rollout, or with a unit twice, is refused', () => {
    const other = rosterOf('rollout-2', []);
    expect(() => admit(other, subject('a'), policy(), now)).toThrow(
      expect.objectContaining({ code: 'invalid_cohort' }),
    );
    expect(() => rosterOf(salt, ['a', 'a'])).toThrow(expect.objectContaining({ code: 'invalid_cohort' }));
  });

  test('R14 an admission of another unit, rollout or deployment does not count', () => {
    const held = policy({ cohort: { percent: 100, cap: 1 } });
    const good = { deployment: 'test', unit: 'a', salt, admitted: true, issued_at: now };
    expect(unitOf('a', held, good).admitted).toBe(true);
    for (const change of [{ unit: 'b' }, { salt: 'rollout-2' }, { deployment: 'other' }, { admitted: false }]) {
      expect(unitOf('a', held, { ...good, ...change }).admitted).toBe(false);
    }
    expect(unitOf('a', held, null).admitted).toBe(false);
    expect(unitOf('a', null, good)).toEqual({ id: 'a', bucket: 0, admitted: false });
  });
});
