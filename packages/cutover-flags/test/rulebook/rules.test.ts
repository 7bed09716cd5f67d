import { describe, expect, test } from '@jest/globals';
import type { CutoverPolicy } from '../../src/policy/policy.ts';
import { decide } from '../../src/rulebook/decide.ts';
import type { DecisionEnv, Unit } from '../../src/rulebook/decision.ts';
import { type RuleId, ruleIds, rules } from '../../src/rulebook/rules.ts';
import { earlier, entry, env, fallback, later, policy, unit } from '../support/policies.ts';

interface Case {
  readonly rule: RuleId;
  readonly when: string;
  readonly policy: CutoverPolicy | null;
  readonly unit?: Partial<Unit>;
  readonly env?: Partial<DecisionEnv>;
  readonly lane: 'khala' | 'spacetime';
  readonly shadow: 'khala' | 'spacetime' | null;
  readonly expiresAt?: number;
  readonly warning?: RuleId;
}

const excluded = { exclude: [entry()] };
const everyone = { percent: 100, include: [entry()] };

const cases: readonly Case[] = [
  { rule: 'S0.1', when: 'nothing is set', policy: policy({ stage: 0 }), lane: 'khala', shadow: 'spacetime' },
  {
    rule: 'S0.1',
    when: 'the unit is in the cohort',
    policy: policy({ stage: 0, cohort: everyone }),
    lane: 'khala',
    shadow: 'spacetime',
  },
  {
    rule: 'S0.1',
    when: 'the flag has a strange value',
    policy: policy({ stage: 0 }),
    env: { flag: 'on' },
    lane: 'khala',
    shadow: 'spacetime',
    warning: 'S0.2',
  },
  {
    rule: 'S0.1',
    when: 'the build holds no khala',
    policy: policy({ stage: 0 }),
    env: { khala: false },
    lane: 'khala',
    shadow: null,
  },
  {
    rule: 'S0.2',
    when: 'the flag is 1',
    policy: policy({ stage: 0 }),
    env: { flag: '1' },
    lane: 'khala',
    shadow: 'spacetime',
    warning: 'S0.2',
  },
  { rule: 'S1.1', when: 'the flag is 1', policy: policy(), env: { flag: '1' }, lane: 'spacetime', shadow: 'khala' },
  { rule: 'S1.2', when: 'nothing is set', policy: policy(), lane: 'khala', shadow: 'spacetime' },
  { rule: 'S1.2', when: 'the flag is 0', policy: policy(), env: { flag: '0' }, lane: 'khala', shadow: 'spacetime' },
  {
    rule: 'S1.2',
    when: 'the flag has a strange value',
    policy: policy(),
    env: { flag: 'true' },
    lane: 'khala',
    shadow: 'spacetime',
    warning: 'S1.1',
  },
  {
    rule: 'S1.2',
    when: 'the bucket is the first outside',
    policy: policy({ cohort: { percent: 1.1 } }),
    unit: { bucket: 110 },
    lane: 'khala',
    shadow: 'spacetime',
  },
  {
    rule: 'S1.2',
    when: 'the unit was admitted and the share shrank',
    policy: policy({ cohort: { percent: 1, cap: 5 } }),
    unit: { bucket: 200, admitted: true },
    lane: 'khala',
    shadow: 'spacetime',
  },
  {
    rule: 'S1.2',
    when: 'an include has expired',
    policy: policy({ cohort: { include: [entry({ until: earlier })] } }),
    lane: 'khala',
    shadow: 'spacetime',
  },
  {
    rule: 'S1.3',
    when: 'the bucket is the last inside',
    policy: policy({ cohort: { percent: 1.1 } }),
    unit: { bucket: 109 },
    lane: 'spacetime',
    shadow: 'khala',
  },
  {
    rule: 'S1.3',
    when: 'the cap has admitted it',
    policy: policy({ cohort: { percent: 100, cap: 1 } }),
    unit: { admitted: true },
    lane: 'spacetime',
    shadow: 'khala',
  },
  {
    rule: 'S1.3',
    when: 'it is included',
    policy: policy({ cohort: { include: [entry()] } }),
    lane: 'spacetime',
    shadow: 'khala',
    expiresAt: later,
  },
  {
    rule: 'S1.4',
    when: 'it is excluded',
    policy: policy({ cohort: excluded }),
    lane: 'khala',
    shadow: 'spacetime',
    expiresAt: later,
  },
  {
    rule: 'S1.4',
    when: 'flag, include and share say otherwise',
    policy: policy({ cohort: { ...everyone, ...excluded } }),
    env: { flag: '1' },
    lane: 'khala',
    shadow: 'spacetime',
    expiresAt: later,
    warning: 'S1.4',
  },
  {
    rule: 'S1.5',
    when: 'the cap has not admitted it',
    policy: policy({ cohort: { percent: 100, cap: 1 } }),
    lane: 'khala',
    shadow: 'spacetime',
  },
  { rule: 'S2.1', when: 'nothing is set', policy: policy({ stage: 2 }), lane: 'spacetime', shadow: null },
  {
    rule: 'S2.1',
    when: 'a sample is compared',
    policy: policy({ stage: 2, shadow_sample: 0.01 }),
    lane: 'spacetime',
    shadow: 'khala',
  },
  {
    rule: 'S2.1',
    when: 'it was excluded in Stage 1',
    policy: policy({ stage: 2, cohort: excluded }),
    lane: 'spacetime',
    shadow: null,
  },
  {
    rule: 'S2.1',
    when: 'the fallback names no operator',
    policy: policy({ stage: 2, fallback: { ...fallback, operator: '' } }),
    lane: 'spacetime',
    shadow: null,
    warning: 'S2.2',
  },
  {
    rule: 'S2.1',
    when: 'the fallback is of other units',
    policy: policy({ stage: 2, fallback: { ...fallback, units: ['desktop-2'] } }),
    lane: 'spacetime',
    shadow: null,
  },
  {
    rule: 'S2.2',
    when: 'a fallback covers all',
    policy: policy({ stage: 2, fallback }),
    lane: 'khala',
    shadow: 'spacetime',
    expiresAt: later,
  },
  {
    rule: 'S2.2',
    when: 'a fallback names it',
    policy: policy({ stage: 2, fallback: { ...fallback, units: ['desktop-1'] } }),
    env: { flag: '1' },
    lane: 'khala',
    shadow: 'spacetime',
    expiresAt: later,
    warning: 'S2.3',
  },
  {
    rule: 'S2.3',
    when: 'the flag is 1',
    policy: policy({ stage: 2 }),
    env: { flag: '1' },
    lane: 'spacetime',
    shadow: null,
    warning: 'S2.3',
  },
  {
    rule: 'S2.4',
    when: 'the fallback ends now',
    policy: policy({ stage: 2, fallback }),
    env: { now: later },
    lane: 'spacetime',
    shadow: null,
  },
  { rule: 'S3.1', when: 'nothing is set', policy: policy({ stage: 3 }), lane: 'spacetime', shadow: null },
  {
    rule: 'S3.1',
    when: 'cohort, fallback and sample say otherwise',
    policy: policy({ stage: 3, cohort: excluded, fallback, shadow_sample: 1 }),
    lane: 'spacetime',
    shadow: null,
  },
  {
    rule: 'S3.2',
    when: 'the flag is 0',
    policy: policy({ stage: 3 }),
    env: { flag: '0' },
    lane: 'spacetime',
    shadow: null,
    warning: 'S3.2',
  },
  { rule: 'D.1', when: 'there is no policy', policy: null, lane: 'khala', shadow: null },
  {
    rule: 'D.1',
    when: 'there is no policy and the flag is 1',
    policy: null,
    env: { flag: '1' },
    lane: 'khala',
    shadow: null,
    warning: 'D.1',
  },
  {
    rule: 'D.2',
    when: 'there is no policy and no khala',
    policy: null,
    env: { khala: false },
    lane: 'spacetime',
    shadow: null,
  },
];

describe('rules', () => {
  test.each(cases)('R4 $rule when $when: $lane', (row) => {
    const decision = decide(row.policy, unit(row.unit), env(row.env));
    expect(decision).toMatchObject({
      rule: row.rule,
      lane: row.lane,
      writes: row.lane,
      shadow: row.shadow,
      expiresAt: row.expiresAt ?? null,
      warning: row.warning ?? null,
    });
    expect(decision.reason).not.toBe('');
  });

  test('R4 every rule of the data decides something above, and says its own stage', () => {
    expect(new Set(cases.map(({ rule }) => rule))).toEqual(new Set(ruleIds));
    expect(Object.keys(rules)).toEqual([...ruleIds]);
    for (const id of ruleIds) {
      expect(rules[id].id).toBe(id);
      expect(id.startsWith(rules[id].stage === null ? 'D.' : `S${rules[id].stage}.`)).toBe(true);
    }
  });

  test('a reason names the incident or the reason of the entry', () => {
    expect(decide(policy({ stage: 2, fallback }), unit(), env()).reason).toContain('INC-7');
    expect(decide(policy({ cohort: excluded }), unit(), env()).reason).toContain('asked for');
  });
});
