import { describe, expect, test } from '@jest/globals';
import { judgeRun, type RunEnd } from '../gate/judge-run.ts';

const wanted = { tests: ['test/one.test.ts'], minimum_cases: 2, minimum_events: 10, longest_seconds: 1 };
const now = 2_000_000;

interface SuiteChanges {
  readonly name?: string;
  readonly status?: string;
  readonly message?: string;
}

function reportOf(cases: readonly string[], changes: SuiteChanges = {}): string {
  const assertionResults = cases.map((status, index) => ({ fullName: `case ${index + 1}`, status }));
  const suite = { name: '/some/place/test/one.test.ts', startTime: 1000, endTime: 3000, status: 'passed', message: '' };
  return JSON.stringify({ testResults: [{ ...suite, ...changes, assertionResults }] });
}

const good: RunEnd = {
  exit: 0,
  report: reportOf(['passed', 'passed']),
  facts:
    '{"events":4,"module_schema":"sha256:1","protocols":["v3"]}\n{"events":6,"protocols":["v2","v3"],"measures":{"ratio":1.05}}\n',
};

describe('the judgement of a run', () => {
  test('passes with enough cases and events, and says what was seen', () => {
    expect(judgeRun(good, wanted, now)).toEqual({
      verdict: 'pass',
      reason: '2 cases passed over 10 events.',
      counts: { cases: 2, failed: 0, skipped: 0, events: 10 },
      case_names: ['case 1', 'case 2'],
      observed_from: 1000,
      observed_to: 3000,
      module_schema: 'sha256:1',
      protocols: ['v2', 'v3'],
      measures: { ratio: 1.05 },
    });
  });

  test('fails when a case failed, whatever else is wrong', () => {
    const run = { ...good, exit: 1, report: reportOf(['passed', 'failed', 'failed', 'pending'], { status: 'failed' }) };
    expect(judgeRun(run, wanted, now)).toMatchObject({
      verdict: 'fail',
      reason: 'Failed: case 2, and 1 more.',
      counts: { cases: 3, failed: 2, skipped: 1 },
    });
  });

  test.each<[string, Partial<RunEnd>, RegExp]>([
    ['no report', { report: undefined }, /no report/],
    ['an empty report', { report: '' }, /no report/],
    ['a report that is cut off', { report: reportOf(['passed', 'passed']).slice(0, -20) }, /no report/],
    ['a report without a file', { report: '{"testResults":[]}' }, /no report/],
    ['a report of something else', { report: '[1]' }, /no report/],
    ['a file without times', { report: '{"testResults":[{"name":"a","assertionResults":[]}]}' }, /no report/],
    ['no case', { report: reportOf([]) }, /one\.test\.ts ran no case/],
    [
      'cases of another file only',
      { report: reportOf(['passed', 'passed'], { name: '/x/two.test.ts' }) },
      /ran no case/,
    ],
    ['too few cases', { report: reportOf(['passed']) }, /1 cases ran, at least 2/],
    ['a skipped case', { report: reportOf(['passed', 'passed', 'pending']) }, /1 skipped, the first one: case 3/],
    ['a case that is still to be written', { report: reportOf(['passed', 'passed', 'todo']) }, /1 skipped/],
    [
      'a file that does not load',
      { report: reportOf([], { status: 'failed', message: '● suite failed to run\n\n  SyntaxError: no\n' }), exit: 1 },
      /could not be run: SyntaxError: no/,
    ],
    ['a runner that ends badly after all', { exit: 1 }, /ended with 1/],
    ['a runner that was killed', { exit: null }, /ended with a signal/],
    ['no events', { facts: '' }, /0 events were driven, at least 10/],
    ['too few events', { facts: '{"events":9}\n' }, /9 events/],
    ['an event count that is no number', { facts: '{"events":null}\n' }, /cannot be read/],
    ['an event count below zero', { facts: '{"events":-1}\n' }, /cannot be read/],
    ['facts that are cut off', { facts: '{"events":10' }, /cannot be read/],
    [
      'two different modules',
      { facts: '{"events":5,"module_schema":"a"}\n{"events":5,"module_schema":"b"}\n' },
      /different schemas/,
    ],
    ['a measure that is no number', { facts: '{"events":10,"measures":{"ratio":null}}' }, /cannot be read/],
    [
      'two measures of one name',
      { facts: '{"events":5,"measures":{"ratio":1}}\n{"events":5,"measures":{"ratio":1}}\n' },
      /cannot be read/,
    ],
  ])('is inconclusive for %s', (_what, change, reason) => {
    expect(judgeRun({ ...good, ...change }, wanted, now)).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringMatching(reason),
    });
  });

  test('a gate through which no event flows needs none', () => {
    expect(judgeRun({ ...good, facts: '' }, { ...wanted, minimum_events: 0 }, now)).toMatchObject({ verdict: 'pass' });
  });

  test('times are sound also without a report', () => {
    const { observed_from, observed_to } = judgeRun({ ...good, report: undefined }, wanted, now);
    expect([observed_from, observed_to]).toEqual([now, now]);
  });
});
