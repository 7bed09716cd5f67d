import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { CutoverPolicy } from '../../src/policy/policy.ts';
import { decide } from '../../src/rulebook/decide.ts';
import type { DecisionEnv, Unit } from '../../src/rulebook/decision.ts';
import { ruleIds, rules } from '../../src/rulebook/rules.ts';
import { anyEnv, anyPolicy, anyStage, anyTime, anyUnit, garbage, withOneWrongField } from '../support/arbitraries.ts';
import { deepFreeze } from '../support/deep-freeze.ts';
import { now } from '../support/policies.ts';

const runs = { numRuns: 500 };

/** Calls back with decisions over good values, values with one wrong field, and garbage. A failure prints seed and path. */
function everyInput(each: (policy: CutoverPolicy, unit: Unit, env: DecisionEnv) => void, only = anyStage): void {
  const staged = fc.tuple(anyPolicy, only).map(([policy, stage]) => ({ ...policy, stage }));
  const keepStage = fc.tuple(withOneWrongField(staged), only).map(([policy, stage]) => ({ ...policy, stage }));
  fc.assert(
    fc.property(
      fc.oneof({ weight: 3, arbitrary: staged }, { weight: 1, arbitrary: keepStage }),
      fc.oneof({ weight: 3, arbitrary: anyUnit }, { weight: 1, arbitrary: withOneWrongField(anyUnit) }, garbage),
      fc.oneof({ weight: 3, arbitrary: anyEnv }, { weight: 1, arbitrary: withOneWrongField(anyEnv) }, garbage),
      each,
    ),
    runs,
  );
}

/** The same over values that the types allow. */
function everyTyped(each: (policy: CutoverPolicy, unit: Unit, env: DecisionEnv) => void): void {
  fc.assert(fc.property(anyPolicy, anyUnit, anyEnv, each), runs);
}

const finite = (value: number) => value > Number.NEGATIVE_INFINITY && value < Number.POSITIVE_INFINITY;
const acts = (until: number, at: number) => finite(until) && finite(at) && until > at;

describe('decide', () => {
  test('R1 never throws and gives a whole decision, whatever it is given', () => {
    const whole = fc.oneof(garbage, withOneWrongField(anyPolicy) as fc.Arbitrary<never>);
    fc.assert(
      fc.property(whole, garbage, fc.oneof(garbage, anyEnv as fc.Arbitrary<never>), (policy, unit, env) => {
        const decision = decide(policy, unit, env);
        expect(ruleIds).toContain(decision.rule);
        expect(decision.lane).toBe(rules[decision.rule].decides.lane);
        expect(typeof decision.reason).toBe('string');
      }),
      runs,
    );
  });

  test('R2 no input routes to khala in Stage 3, and none reads or compares it', () => {
    everyInput((policy, unit, env) => {
      expect(decide(policy, unit, env)).toMatchObject({ lane: 'spacetime', writes: 'spacetime', shadow: null });
    }, fc.constant(3));
  });

  test('R3 no input shows or writes spacetime in Stage 0', () => {
    everyInput((policy, unit, env) => {
      expect(decide(policy, unit, env)).toMatchObject({ lane: 'khala', writes: 'khala' });
    }, fc.constant(0));
  });

  test('R4 writes follow the lane, the lane is the one of the rule, and the rule is of the stage', () => {
    everyInput((policy, unit, env) => {
      const { lane, writes, shadow, rule } = decide(policy, unit, env);
      expect(lane).toBe(rules[rule].decides.lane);
      expect(writes).toBe(lane);
      expect(shadow).not.toBe(lane);
      expect(rules[rule].stage).toBe(policy.stage);
    });
  });

  test('R5 an exclusion that has not expired wins over flag, include and share', () => {
    const entry = { until: now + 1, reason: 'held back' };
    const typed = fc.tuple(anyPolicy, anyUnit, anyEnv, fc.nat());
    fc.assert(
      fc.property(typed, ([policy, unit, env, at]) => {
        const exclude = policy.cohort.exclude.toSpliced(at % (policy.cohort.exclude.length + 1), 0, {
          ...entry,
          unit: unit.id,
        });
        const held: CutoverPolicy = { ...policy, stage: 1, cohort: { ...policy.cohort, exclude } };
        expect(decide(held, unit, { ...env, now })).toMatchObject({ lane: 'khala', rule: 'S1.4' });
      }),
      runs,
    );
  });

  test('R6 the flag changes the lane in Stage 1 only, and only with the value 1', () => {
    everyTyped((policy, unit, env) => {
      const without = decide(policy, unit, { ...env, flag: undefined });
      const withFlag = decide(policy, unit, env);
      if (policy.stage !== 1 || env.flag !== '1') {
        expect({ lane: withFlag.lane, shadow: withFlag.shadow }).toEqual({
          lane: without.lane,
          shadow: without.shadow,
        });
        const said = withFlag.warning === without.warning ? null : withFlag.warning;
        const set = env.flag !== undefined && (policy.stage === 3 || (env.flag !== '' && env.flag !== '0'));
        // A fallback that lacks a field is what is warned of then.
        if (without.warning === null) expect(said !== null).toBe(set);
      } else if (without.rule !== 'S1.4') {
        expect(withFlag).toMatchObject({ lane: 'spacetime', rule: 'S1.1' });
      }
    });
  });

  test('R7 what has expired, or ends at no finite time, never acts; expiresAt is finite and to come', () => {
    everyTyped((policy, unit, env) => {
      const live: CutoverPolicy = {
        ...policy,
        cohort: {
          ...policy.cohort,
          include: policy.cohort.include.filter(({ until }) => acts(until, env.now)),
          exclude: policy.cohort.exclude.filter(({ until }) => acts(until, env.now)),
        },
      };
      const decision = decide(policy, unit, env);
      expect(decision).toEqual(decide(live, unit, env));
      if (decision.expiresAt !== null) expect(acts(decision.expiresAt, env.now)).toBe(true);
    });
  });

  test('R7 a clock that gives no number lets nothing act that has an end', () => {
    fc.assert(
      fc.property(
        anyPolicy,
        anyUnit,
        anyEnv,
        fc.constantFrom(Number.NaN, Infinity, -Infinity),
        (policy, unit, env, at) => {
          expect(['S1.4', 'S2.2']).not.toContain(decide(policy, unit, { ...env, now: at }).rule);
        },
      ),
      runs,
    );
  });

  test('R8 khala in Stage 2 only by a whole fallback of the unit that has not expired', () => {
    let seen = 0; // Counted, so that the property cannot hold for want of a case.
    everyInput((policy, unit, env) => {
      const decision = decide(policy, unit, env);
      if (decision.lane !== 'khala') return;
      seen += 1;
      const { fallback } = policy;
      expect(decision.rule).toBe('S2.2');
      for (const field of ['incident', 'operator', 'reason'] as const) expect(fallback?.[field]).toMatch(/./);
      expect(finite(fallback?.since ?? Number.NaN)).toBe(true);
      expect(acts(fallback?.expires_at ?? Number.NaN, env.now)).toBe(true);
      if (fallback?.units !== 'all') expect(fallback?.units).toContain(unit.id);
    }, fc.constant(2));
    expect(seen).toBeGreaterThan(0);
  });

  test('R8 a whole fallback of the unit always acts until it expires', () => {
    const whole = { incident: 'INC-7', operator: 'ana', reason: 'stalls', since: now - 5 };
    const units = (unit: Unit) => fc.constantFrom('all' as const, [unit.id], ['other', unit.id]);
    const typed = fc
      .tuple(anyPolicy, anyUnit, anyEnv, anyTime)
      .chain(([p, u, e, t]) => fc.tuple(fc.constant([p, u, e, t] as const), units(u)));
    fc.assert(
      fc.property(typed, ([[policy, unit, env, at], covered]) => {
        const fallback = { ...whole, expires_at: now, units: covered };
        const decision = decide({ ...policy, stage: 2, fallback }, unit, { ...env, now: at });
        expect(decision.lane).toBe(acts(now, at) ? 'khala' : 'spacetime');
        expect(decision.rule).toBe(acts(now, at) ? 'S2.2' : 'S2.4');
      }),
      runs,
    );
  });

  test('R9 nothing is compared where the build holds no khala, nor khala in Stage 2 without a sample', () => {
    everyInput((policy, unit, env) => {
      const { shadow } = decide(policy, unit, env);
      const khala = readsAs(() => env.khala === true);
      if (!khala) expect(shadow).toBeNull();
      if (policy.stage === 2 && !readsAs(() => policy.shadow_sample > 0)) expect(shadow).not.toBe('khala');
    });
  });

  test('R10 without a policy khala where the build holds it, else spacetime, and nothing is compared', () => {
    const none = fc.oneof(
      fc.constant(null),
      fc.constant(undefined),
      fc.constantFrom(4, -1, '1', 1.5, null).map((stage) => ({ stage })),
    );
    fc.assert(
      fc.property(none as fc.Arbitrary<never>, anyUnit, anyEnv, (policy, unit, env) => {
        const lane = env.khala ? 'khala' : 'spacetime';
        expect(decide(policy, unit, env)).toMatchObject({
          lane,
          writes: lane,
          shadow: null,
          rule: env.khala ? 'D.1' : 'D.2',
        });
      }),
      runs,
    );
  });

  test('R22 the same input gives the same decision, and nothing given is changed', () => {
    everyTyped((policy, unit, env) => {
      const first = decide(deepFreeze(policy), deepFreeze(unit), deepFreeze(env));
      expect(decide(structuredClone(policy), { ...unit }, { ...env })).toEqual(first);
    });
  });

  test('R22 a decision that depends on no time is made once and frozen', () => {
    everyTyped((policy, unit, env) => {
      const decision = decide(policy, unit, env);
      if (decision.expiresAt !== null) return;
      expect(decide(policy, unit, env)).toBe(decision);
      expect(Object.isFrozen(decision)).toBe(true);
    });
  });
});

/** What a value says, or false when looking at it throws. */
function readsAs(look: () => boolean): boolean {
  try {
    return look();
  } catch {
    return false;
  }
}
