import fc from 'fast-check';
import { type CutoverPolicy, policySchema } from '../../src/policy/policy.ts';
import type { DecisionEnv, Unit } from '../../src/rulebook/decision.ts';
import type { Stage } from '../../src/stage.ts';
import { now } from './policies.ts';

export const anyStage: fc.Arbitrary<Stage> = fc.constantFrom(0, 1, 2, 3);
const id = fc.constantFrom('a', 'b', 'c', 'desktop-1');
/** Times around now, and what is none. */
export const anyTime = fc.oneof(
  fc.integer({ min: now - 3, max: now + 3 }),
  fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MAX_SAFE_INTEGER),
);
export const anyFlag = fc.constantFrom(undefined, '', '0', '1', 'yes', 'true', ' 1', '01', '2');
const entries = fc.array(fc.record({ unit: id, until: anyTime, reason: fc.constant('because') }), { maxLength: 4 });
const percent = fc.oneof(
  fc.constantFrom(0, 0.01, 1.1, 50, 99.99, 100),
  fc.integer({ min: 0, max: 10_000 }).map((n) => n / 100),
);

const anyFallback = fc.record(
  {
    incident: fc.constantFrom('INC-7', ''),
    operator: fc.constantFrom('ana', ''),
    reason: fc.constantFrom('stalls', ''),
    since: anyTime,
    expires_at: anyTime,
    units: fc.oneof(fc.constant('all' as const), fc.array(id, { maxLength: 3 })),
  },
  { requiredKeys: [] },
);

/** A whole one, so that acting fallbacks are not rare. */
const wholeFallback = fc.record({
  incident: fc.constant('INC-7'),
  operator: fc.constant('ana'),
  reason: fc.constant('stalls'),
  since: fc.constant(now - 5),
  expires_at: fc.constantFrom(now, now + 1, now + 3),
  units: fc.oneof(fc.constant('all' as const), fc.array(id, { minLength: 1, maxLength: 3 })),
});

/** Policies as the types allow them, and times, shares and fallbacks that no parser would let through. */
export const anyPolicy: fc.Arbitrary<CutoverPolicy> = fc.record({
  schema: fc.constant(policySchema),
  deployment: fc.constant('test'),
  revision: fc.nat(),
  stage: anyStage,
  sealed: fc.boolean(),
  issued_at: anyTime,
  cohort: fc.record({
    salt: fc.constant('rollout-1'),
    percent: fc.oneof(
      { weight: 4, arbitrary: percent },
      { weight: 1, arbitrary: fc.constantFrom(Number.NaN, -1, 101) },
    ),
    cap: fc.oneof(fc.constant(null), fc.nat(5)),
    include: entries,
    exclude: entries,
  }),
  fallback: fc.oneof(fc.constant(null), anyFallback, wholeFallback) as fc.Arbitrary<CutoverPolicy['fallback']>,
  drain: fc.boolean(),
  shadow_sample: fc.constantFrom(0, 0.01, 1, Number.NaN, -1),
});

export const anyUnit: fc.Arbitrary<Unit> = fc.record({
  id,
  bucket: fc.oneof(fc.integer({ min: 0, max: 9_999 }), fc.constantFrom(Number.NaN, -1, 10_000, 0.5)),
  admitted: fc.boolean(),
});

export const anyEnv: fc.Arbitrary<DecisionEnv> = fc.record({
  now: fc.oneof({ weight: 4, arbitrary: fc.constant(now) }, { weight: 1, arbitrary: anyTime }),
  flag: anyFlag,
  khala: fc.boolean(),
});

/** Anything at all, and objects that throw when they are looked at. */
export const garbage: fc.Arbitrary<never> = fc.oneof(
  fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true, withMap: true }),
  fc.constantFrom(null, undefined, 3, '3', Symbol('unit')),
  fc.constant(
    new Proxy(
      {},
      {
        get(_target, key) {
          // Lets fast-check print it.
          if (typeof key === 'symbol') return key === fc.toStringMethod ? () => 'hostile' : undefined;
          throw new Error('do not look');
        },
        has: (_target, key) => key === fc.toStringMethod,
      },
    ),
  ),
) as fc.Arbitrary<never>;

/** A good value with one field replaced by anything. */
export function withOneWrongField<Value extends object>(good: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return fc.tuple(good, garbage, fc.nat()).map(([value, wrong, at]) => {
    const keys = Object.keys(value);
    return { ...value, [keys[at % keys.length] ?? '']: wrong as unknown };
  });
}
