import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CutoverError } from '../../src/errors.ts';
import { startUpCheck, toggles } from '../../src/rulebook/toggles.ts';
import { anyFlag } from '../support/arbitraries.ts';

describe('start-up check', () => {
  test('R11 any toggle with any value ends the start in Stage 3, and is named with S3.2', () => {
    fc.assert(
      fc.property(fc.subarray([...toggles], { minLength: 1 }), fc.string(), (names, value) => {
        const variables = { PATH: '/bin', ...Object.fromEntries(names.map((name) => [name, value])) };
        let thrown: unknown;
        try {
          startUpCheck(3, variables);
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toBeInstanceOf(CutoverError);
        expect(thrown).toMatchObject({ code: 'toggle_refused', details: { variables: names, rule: 'S3.2' } });
        for (const name of names) expect(String(thrown)).toContain(name);
        expect(String(thrown)).toContain('S3.2');
      }),
    );
  });

  test('R11 without a toggle Stage 3 starts, and says nothing', () => {
    expect(startUpCheck(3, { PATH: '/bin', OA_SPACETIME_PRIMARY_COMMS: undefined })).toEqual([]);
  });

  test.each([
    [0, '1', 'S0.2'],
    [0, 'yes', 'S0.2'],
    [1, 'yes', 'S1.1'],
    [2, '1', 'S2.3'],
    [2, 'yes', 'S2.3'],
  ] as const)('R11 in Stage %i the value %s is warned of with %s', (stage, value, rule) => {
    const warnings = startUpCheck(stage, { OA_SPACETIME_PRIMARY_COMMS: value });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ variable: 'OA_SPACETIME_PRIMARY_COMMS', rule });
    expect(warnings[0]?.message).toContain(rule);
  });

  test('R11 before Stage 3 it never throws, and says nothing of a flag that is not set or acts', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 2), anyFlag, (stage, flag) => {
        const silent = flag === undefined || flag === '' || flag === '0' || (stage === 1 && flag === '1');
        expect(startUpCheck(stage, { OA_SPACETIME_PRIMARY_COMMS: flag })).toHaveLength(silent ? 0 : 1);
      }),
    );
  });
});
