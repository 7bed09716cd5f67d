import { describe, expect, test } from '@jest/globals';
import { CutoverError, defaultCutoverConfig, gateIds, parseCutoverConfig } from '../../src/index.ts';

describe('the configuration', () => {
  test('M18 nothing given is the default, and the default is valid', () => {
    expect(parseCutoverConfig({})).toEqual(defaultCutoverConfig);
    expect(parseCutoverConfig(JSON.parse(JSON.stringify(defaultCutoverConfig)))).toEqual(defaultCutoverConfig);
  });

  test('M18 the defaults are the figures that were agreed on', () => {
    const { gates, cohort, service, release, approvals, waivers } = defaultCutoverConfig;
    expect(approvals).toBe(2);
    expect(cohort).toEqual({ steps: [1, 5, 10, 25, 50, 100], soak_ms: 1_800_000 });
    expect(service).toMatchObject({ p95_ms: 600, error_budget: 0.02 });
    expect(release.cycles).toBe(2);
    expect(waivers.max_ms).toBe(14 * 86_400_000);
    expect(gates.parity).toMatchObject({ min_events: 50_000, min_duration_ms: 86_400_000, max_age_ms: 86_400_000 });
    expect(gates['rollback-drill'].max_age_ms).toBe(7 * 86_400_000);
    // No gate is met by having looked at nothing.
    for (const gate of gateIds) expect(gates[gate].min_cases).toBeGreaterThan(0);
  });

  test('M18 a drill is asked for where one can have been observed: with units on spacetime, and khala to go back to', () => {
    const { steps, release, gates } = defaultCutoverConfig;
    const asking = Object.entries(steps).filter(([, step]) => step.gates.some(({ gate }) => gate === 'rollback-drill'));
    expect(asking.map(([id]) => id)).toEqual(['enter_2']);
    // In Stage 2 a drill begins the release cycles anew: after them it is too old.
    expect(release.cycles * release.min_cycle_ms).toBeGreaterThan(gates['rollback-drill'].max_age_ms);
  });

  test('M18 a member that is given replaces its default only, a list replaces the list', () => {
    const config = parseCutoverConfig({
      approvals: 1,
      gates: { parity: { min_events: 10 } },
      cohort: { steps: [50, 100] },
      triggers: [],
    });
    expect(config).toEqual({
      ...defaultCutoverConfig,
      approvals: 1,
      gates: { ...defaultCutoverConfig.gates, parity: { ...defaultCutoverConfig.gates.parity, min_events: 10 } },
      cohort: { ...defaultCutoverConfig.cohort, steps: [50, 100] },
      triggers: [],
    });
  });

  test.each<[unknown, string]>([
    [{ aprovals: 1 }, 'aprovals'],
    [JSON.parse('{"__proto__": {"approvals": 0}}'), '__proto__'],
    [{ approvals: -1 }, 'approvals'],
    [{ approvals: Number.NaN }, 'approvals'],
    [{ gates: { parity: { min_cases: 0 } } }, 'gates.parity.min_cases'],
    [{ gates: { luck: {} } }, 'gates.luck'],
    [{ cohort: { steps: [] } }, 'cohort.steps'],
    [{ cohort: { steps: [1, 5] } }, 'cohort.steps'],
    [{ cohort: { steps: [5, 1, 100] } }, 'cohort.steps'],
    [{ cohort: { steps: [0, 100] } }, 'cohort.steps'],
    [{ cohort: { steps: [1.005, 100] } }, 'cohort.steps'],
    [{ flip: { ack_ratio: 0 } }, 'flip.ack_ratio'],
    [{ steps: { enter_1: { conditions: ['luck'] } } }, 'steps.enter_1.conditions.0'],
    [
      { triggers: [{ id: 't', text: 't', clauses: [], samples: null, for_ms: 0, stage_1: 'none', stage_2: 'none' }] },
      'triggers.0.clauses',
    ],
    [null, '(all)'],
    [[], '(all)'],
  ])('M18 %j is refused at %s', (value, path) => {
    let caught: unknown;
    try {
      parseCutoverConfig(value);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(CutoverError);
    expect(caught).toMatchObject({ code: 'invalid_config', details: { path } });
  });

  test.each([
    { above: 1, below: 1, clear: 0 },
    { above: null, below: null, clear: 0 },
    { above: 1, below: null, clear: 2 },
    { above: null, below: 1, clear: 0 },
  ])('M18 a trigger that could not clear is refused: %j', (clause) => {
    const trigger = {
      id: 't',
      text: 't',
      clauses: [{ signal: 's', ...clause }],
      samples: null,
      for_ms: 0,
      stage_1: 'hold',
      stage_2: 'hold',
    };
    expect(() => parseCutoverConfig({ triggers: [trigger] })).toThrow(CutoverError);
  });
});
