import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CutoverError } from '../../src/errors.ts';
import { longestList, parsePolicy } from '../../src/policy/parse-policy.ts';
import { decide } from '../../src/rulebook/decide.ts';
import { garbage } from '../support/arbitraries.ts';
import { entry, env, fallback, later, policy, unit } from '../support/policies.ts';

const whole = policy({
  stage: 2,
  cohort: { percent: 12.34, cap: 5, include: [entry()], exclude: [entry({ unit: 'desktop-2' })] },
  fallback: { ...fallback, units: ['desktop-1', 'desktop-2'] },
});

/** The whole policy as JSON gives it, with one place set. */
function changed(path: string, value: unknown): unknown {
  const copy = structuredClone(whole) as unknown as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() ?? '';
  const place = names.reduce((at, name) => at[name] as Record<string, unknown>, copy);
  if (value === undefined) delete place[last];
  else place[last] = value;
  return copy;
}

function refusal(value: unknown): CutoverError {
  try {
    parsePolicy(value);
  } catch (error) {
    if (error instanceof CutoverError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('parsePolicy', () => {
  test('R16 a whole policy comes out as it went in, frozen to its leaves', () => {
    const parsed = parsePolicy(structuredClone(whole));
    expect(parsed).toEqual(whole);
    for (const part of [parsed, parsed.cohort, parsed.cohort.include, parsed.cohort.include[0], parsed.fallback]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  test.each([
    ['future_field', 1],
    ['cohort.future_field', 1],
    ['cohort.include.0.future_field', 1],
    ['fallback.future_field', 1],
    ['revision', 1.5],
    ['revision', -1],
    ['revision', 2 ** 53],
    ['revision', '1'],
    ['revision', Number.NaN],
    ['stage', 4],
    ['stage', '1'],
    ['stage', undefined],
    ['sealed', true],
    ['issued_at', 0.5],
    ['issued_at', Number.POSITIVE_INFINITY],
    ['deployment', ''],
    ['cohort.salt', ''],
    ['cohort.salt', '\ud800'],
    ['cohort.percent', 12.345],
    ['cohort.percent', 100.01],
    ['cohort.percent', -0.01],
    ['cohort.percent', Number.NaN],
    ['cohort.percent', '50'],
    ['cohort.cap', 1.5],
    ['cohort.cap', -1],
    ['cohort.cap', undefined],
    ['cohort.include.0.until', 1.5],
    ['cohort.include.0.until', Number.NaN],
    ['cohort.include.0.unit', ''],
    ['cohort.exclude', undefined],
    ['fallback.operator', ''],
    ['fallback.incident', undefined],
    ['fallback.expires_at', whole.fallback?.since],
    ['fallback.expires_at', Number.POSITIVE_INFINITY],
    ['shadow_sample', 1.01],
    ['shadow_sample', Number.NaN],
    ['drain', 'yes'],
    ['schema', undefined],
    ['schema', 1],
  ])('R16 %s = %j is refused with its path', (path, value) => {
    const error = refusal(changed(path, value));
    expect(error).toMatchObject({ code: 'invalid_policy', details: { path } });
    expect(error.message).toContain(path);
  });

  test.each([
    ['cohort.include', [entry(), entry({ until: later + 1 })], 'cohort.include.1'],
    ['cohort.exclude', [entry(), entry({ unit: 'x' }), entry()], 'cohort.exclude.2'],
    ['fallback.units', ['a', 'b', 'a'], 'fallback.units.2'],
  ])('R16 a unit that %s names twice is refused at the second', (path, value, at) => {
    expect(refusal(changed(path, value)).details).toMatchObject({ path: at });
  });

  test('R16 a fallback of no unit, a text that is not all, and a list that is too long are refused', () => {
    expect(refusal(changed('fallback.units', []))).toMatchObject({ details: { path: 'fallback.units' } });
    expect(refusal(changed('fallback.units', 'some'))).toMatchObject({ details: { path: 'fallback.units' } });
    const many = Array.from({ length: longestList + 1 }, (_, n) => entry({ unit: `desktop-${n}` }));
    expect(refusal(changed('cohort.include', many))).toMatchObject({ details: { path: 'cohort.include' } });
  });

  test('R16 a document of another form is told apart, and nothing else of it is read', () => {
    expect(refusal(changed('schema', 'autopilot.cutover-policy.v2'))).toMatchObject({ code: 'unknown_schema' });
  });

  test('R16 anything at all is refused with a typed error', () => {
    fc.assert(
      fc.property(garbage, (value) => {
        expect(() => parsePolicy(value)).toThrow();
      }),
    );
    for (const value of [null, undefined, 1, 'policy', [], {}, new Map()]) {
      expect(refusal(value)).toMatchObject({ code: 'invalid_policy' });
    }
  });

  test('R16 a long list decides as a short one does', () => {
    const units = Array.from({ length: 2_000 }, (_, n) => `desktop-${n}`);
    const list = (until: number) => units.map((id) => entry({ unit: id, until }));
    const plain = policy({ cohort: { exclude: list(later) } });
    const parsed = parsePolicy(structuredClone(plain));
    for (const id of ['desktop-0', 'desktop-1999', 'desktop-2000']) {
      expect(decide(parsed, unit({ id }), env())).toEqual(decide(plain, unit({ id }), env()));
      expect(decide(parsed, unit({ id }), env({ now: later }))).toEqual(
        decide(plain, unit({ id }), env({ now: later })),
      );
    }
    const fallen = parsePolicy(structuredClone(policy({ stage: 2, fallback: { ...fallback, units } })));
    expect(decide(fallen, unit({ id: 'desktop-1999' }), env()).rule).toBe('S2.2');
    expect(decide(fallen, unit({ id: 'desktop-2000' }), env()).rule).toBe('S2.1');
  });
});
