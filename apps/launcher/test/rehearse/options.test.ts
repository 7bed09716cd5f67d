import { describe, expect, test } from '@jest/globals';
import { rehearsalConfig } from '../../src/rehearse/cutover-config.ts';
import { parseRehearseOptions } from '../../src/rehearse/options.ts';
import { scaleOf } from '../../src/rehearse/scale.ts';
import { seededRandom } from '../../src/rehearse/seeded-random.ts';
import { parseCutoverConfig } from '@autopilot/cutover-flags';

describe('the command line', () => {
  test('has defaults by which more than a million events are applied', () => {
    const options = parseRehearseOptions([]);
    if (options === 'help') throw new Error('no help was asked for');
    expect(options).toMatchObject({ json: false, quick: false, seed: 1, out: 'cutover-rehearsal' });
    expect((options.desktops + 2) * options.events).toBeGreaterThan(1_000_000);
    const quick = parseRehearseOptions(['--quick', '--json', '--seed', '7', '--out', 'x']);
    expect(quick).toMatchObject({ quick: true, json: true, seed: 7, out: 'x', events: 12_000, desktops: 10 });
    expect(parseRehearseOptions(['--help'])).toBe('help');
  });

  test.each([
    [['--events', 'many'], '--events'],
    [['--events', '10'], '--events'],
    [['--desktops', '0'], '--desktops'],
    [['--seed', '-1'], '--seed'],
    [['--bogus'], '--bogus'],
    [['word'], 'word'],
  ])('%j is refused and named', (args, named) => {
    const attempt = () => parseRehearseOptions(args);
    expect(attempt).toThrow(named);
    expect(attempt).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

test.each([[['--quick']], [[]]])('the configuration for %j is one that control takes', (args) => {
  const options = parseRehearseOptions(args);
  if (options === 'help') throw new Error('no help was asked for');
  const scale = scaleOf(options);
  const config = rehearsalConfig(scale);
  expect(parseCutoverConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  expect(config.cohort.steps).toEqual(scale.cohortSteps);
  expect(config.approvals).toBe(2);
  expect(scale.defects).toEqual(expect.arrayContaining(['divergence', 'loss', 'duplicate']));
  expect(scale.defects.includes('foreign event')).toBe(!options.quick);
  // Most of the time asked for has to be covered by comparisons.
  const { measures, min_duration_ms } = config.gates.parity;
  const covered = measures.find(({ measure }) => measure === 'covered_ms')?.at_least ?? 0;
  expect(covered / min_duration_ms).toBeCloseTo(0.9, 6);
  // What must never be waived away by a scale: parity, the drill, the removal.
  for (const gate of ['parity', 'parity-null', 'rollback-drill', 'removal'] as const) {
    expect(config.gates[gate]).toMatchObject({ waivable: false });
  }
});

test('the same seed gives the same numbers, spread from 0 to below 1', () => {
  const take = (seed: number) => Array.from({ length: 1000 }, seededRandom(seed));
  expect(take(5)).toEqual(take(5));
  expect(take(5)).not.toEqual(take(6));
  const numbers = take(1);
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...numbers)).toBeLessThan(1);
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.05);
});
