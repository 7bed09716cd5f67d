import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { defaultCutoverConfig, type GateObservation, type GateRequirement, judge } from '../../src/index.ts';
import { day, hour, observation, packages, start } from '../support/cutover.ts';

const { gates } = defaultCutoverConfig;
const inUse = { packages, commit: 'c0ffee', module_schema: 'sha256:module' };

function status(patch: Partial<GateObservation>, requirement: Partial<GateRequirement> = {}, use = inUse) {
  return judge(observation('parity', start, patch), { ...gates.parity, ...requirement }, start, use).status;
}

const counts = { cases: 100, failed: 0, skipped: 0, events: 60_000 };
const environment = observation('parity', start).environment;
const whole = { covered_ms: day };

describe('judging', () => {
  test('G3 what meets everything is met, and says how old it is', () => {
    expect(judge(observation('parity', start), gates.parity, start, inUse)).toMatchObject({
      status: 'met',
      age_ms: 60_000,
    });
  });

  test.each<[string, Partial<GateObservation>, Partial<GateRequirement>]>([
    ['NaN as a measure', { measures: { match_ratio: Number.NaN } }, {}],
    ['NaN as a count', { counts: { ...counts, events: Number.NaN } }, {}],
    ['zero cases', { counts: { ...counts, cases: 0 } }, {}],
    ['zero cases where a configuration asks for none', { counts: { ...counts, cases: 0 } }, { min_cases: 0 }],
    ['too few cases', { counts: { ...counts, cases: 49 } }, {}],
    ['too few events', { counts: { ...counts, events: 49_999 } }, {}],
    ['a skipped case', { counts: { ...counts, skipped: 1 } }, {}],
    ['an inconclusive verdict', { verdict: 'inconclusive' }, {}],
    ['NaN as a time', { observed_to: Number.NaN }, {}],
    ['a time in the future', { observed_to: start + hour }, {}],
    ['an end before the beginning', { observed_from: start, observed_to: start - hour }, {}],
    ['too short a time', { observed_from: start - hour }, {}],
    ['a missing measure', { measures: {} }, {}],
    [
      'a measure of the prototype',
      { measures: {} },
      { measures: [{ measure: 'constructor', at_least: 0, at_most: null }] },
    ],
    ['no packages', { environment: { ...environment, packages: {} } }, {}],
    [
      'another version of a package in use',
      { environment: { ...environment, packages: { '@autopilot/session': '0.2.9' } } },
      {},
    ],
    ['none of the packages asked for', {}, { packages: ['@autopilot/session'] }],
    ['another commit', { environment: { ...environment, commit: 'other' } }, { same_commit: true }],
    ['no commit', { environment: { ...environment, commit: null } }, { same_commit: true }],
    ['another module', { environment: { ...environment, module_schema: 'other' } }, {}],
    ['no protocol', { environment: { ...environment, protocols: [] } }, {}],
  ])('G3 %s is inconclusive', (_name, patch, requirement) => {
    expect(status(patch, requirement)).toBe('inconclusive');
  });

  test('G3 what ended before stage or share last changed is stale where that matters', () => {
    const of = (changedAt: number, since_change = true) =>
      judge(observation('parity', start), { ...gates.parity, since_change }, start, inUse, [], changedAt).status;
    expect([of(start - 60_000), of(start - 59_999), of(start - 59_999, false)]).toEqual(['met', 'stale', 'met']);
    expect(of(Number.NaN)).toBe('stale');
  });

  test('G3 an unknown commit or module in use is not the same as an unknown one', () => {
    const unknown = { ...environment, commit: null, module_schema: null };
    expect(
      status(
        { environment: unknown },
        { same_commit: true, same_schema: false },
        { ...inUse, commit: null as unknown as string },
      ),
    ).toBe('inconclusive');
    expect(status({ environment: unknown }, {}, { ...inUse, module_schema: null as unknown as string })).toBe(
      'inconclusive',
    );
  });

  test.each<[string, Partial<GateObservation>, string]>([
    ['the limit of age', { observed_from: start - 2 * day, observed_to: start - day }, 'met'],
    ['one millisecond more', { observed_from: start - 2 * day - 1, observed_to: start - day - 1 }, 'stale'],
    ['the limit of a measure', { measures: { ...whole, left_out_share: 0, match_ratio: 0.9999 } }, 'met'],
    ['less', { measures: { ...whole, left_out_share: 0, match_ratio: 0.99989 } }, 'failed'],
    ['more left out than a hundredth', { measures: { ...whole, match_ratio: 1, left_out_share: 0.011 } }, 'failed'],
    ['more than there can be', { measures: { ...whole, left_out_share: 0, match_ratio: 1.01 } }, 'failed'],
    ['nine tenths of a day', { measures: { match_ratio: 1, left_out_share: 0, covered_ms: 0.9 * day } }, 'met'],
    ['two bursts a day apart', { measures: { match_ratio: 1, left_out_share: 0, covered_ms: 60_000 } }, 'failed'],
    ['no word on what was covered', { measures: { match_ratio: 1, left_out_share: 0 } }, 'inconclusive'],
    ['a failed verdict', { verdict: 'fail' }, 'failed'],
    ['a pass with a failed case', { counts: { ...counts, failed: 1 } }, 'failed'],
    // A failure does not get better by being old.
    ['an old failure', { verdict: 'fail', observed_from: start - 9 * day, observed_to: start - 8 * day }, 'failed'],
  ])('G3 %s', (_name, patch, expected) => {
    expect(status(patch)).toBe(expected);
  });

  test('G3 whatever the numbers are: never thrown, and met only where everything holds', () => {
    const number = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.constantFrom(0, 1, 50, 50_000, Number.NaN, start, start - day),
    );
    // Good more often than not, or an observation that meets all of it would be rare.
    const mostly = (good: number) =>
      fc.oneof({ arbitrary: fc.constant(good), weight: 3 }, { arbitrary: number, weight: 1 });
    let met = 0;
    fc.assert(
      fc.property(
        fc.record({
          verdict: fc.constantFrom('pass' as const, 'fail' as const, 'inconclusive' as const),
          observed_from: mostly(start - 2 * day),
          observed_to: mostly(start),
          counts: fc.record({
            cases: number,
            failed: mostly(0),
            skipped: mostly(0),
            events: number,
          }),
          measures: fc.record({
            match_ratio: mostly(1),
            left_out_share: mostly(0),
            covered_ms: mostly(day),
          }),
        }),
        (patch) => {
          const found = status(patch);
          if (found !== 'met') return;
          met += 1;
          expect(patch.verdict).toBe('pass');
          expect(patch.counts.cases).toBeGreaterThanOrEqual(50);
          expect(patch.counts.events).toBeGreaterThanOrEqual(50_000);
          expect(patch.counts.failed === 0).toBe(true);
          expect(patch.counts.skipped === 0).toBe(true);
          expect(patch.measures.match_ratio).toBeGreaterThanOrEqual(0.9999);
          expect(patch.measures.left_out_share).toBeLessThanOrEqual(0.01);
          expect(patch.measures.covered_ms).toBeGreaterThanOrEqual(0.9 * day);
          expect(patch.observed_to).toBeGreaterThanOrEqual(start - day);
          expect(patch.observed_to - patch.observed_from).toBeGreaterThanOrEqual(day);
        },
      ),
      { numRuns: 2_000 },
    );
    // The property is about something: some of the observations were met.
    expect(met).toBeGreaterThan(0);
  });
});
