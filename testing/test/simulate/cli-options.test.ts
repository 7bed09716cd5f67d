import { describe, expect, test } from '@jest/globals';
import { readOptions } from '../../src/simulate/cli-options.ts';

describe('the options of pnpm simulate', () => {
  test('500 seeds in one thread unless told otherwise', () => {
    expect(readOptions([])).toEqual({ run: 'seeds', from: 1, count: 500, workers: 1, json: false, save: undefined });
    expect(readOptions(['--', '--seeds', '7', '--from', '100', '--workers', '2', '--json', '--save', 'x'])).toEqual({
      run: 'seeds',
      from: 100,
      count: 7,
      workers: 2,
      json: true,
      save: 'x',
    });
  });

  test('one seed is run, or replayed', () => {
    expect(readOptions(['--seed', '5'])).toMatchObject({ run: 'seeds', from: 5, count: 1 });
    expect(readOptions(['--seed', '5', '--replay'])).toEqual({ run: 'replay', seed: 5, file: undefined });
    expect(readOptions(['--file', 'a.json'])).toEqual({ run: 'replay', seed: undefined, file: 'a.json' });
  });

  test.each([
    [['--seeds', 'many'], '--seeds must be a whole number from 1 to 2147483647, not "many".'],
    [['--seeds', '0'], '--seeds must be a whole number from 1 to 2147483647, not "0".'],
    [['--workers', '1.5'], '--workers must be a whole number from 1 to 2147483647, not "1.5".'],
    [['--seed', '5', '--seeds', '9'], '--seed names one seed: leave --seeds and --from out.'],
    [['--replay'], '--replay needs --seed S.'],
    [['--sedes', '5'], "Unknown option '--sedes'"],
  ])('%j is refused with what to do', (args, message) => {
    const options = readOptions(args);
    expect(options).toMatchObject({ run: 'wrong' });
    expect(options.run === 'wrong' && options.message).toContain(message);
  });
});
