import { type IgnoreRule, renderDiff, type Sample } from '@autopilot/cutover-flags/parity';
import { expect, test } from '@jest/globals';
import { begun, event, noResults, setUp, streamId } from './support.ts';

const rule: IgnoreRule = {
  id: 'clock-field',
  match: { stream: 'runtime.worker.*', kind: 'item/*', result: 'mismatch' },
  reason: 'The old lane rounds times.',
  owner: 'comms',
  expires_at: 1_700_000_005_000,
};

function differ(ignore: readonly IgnoreRule[], wait = 0) {
  const { comparator, time } = begun({ ignore });
  time.advance(wait);
  comparator.offer('left', event(1));
  comparator.offer('right', event(1, { value: 'other' }));
  return comparator.report();
}

test('P24 a rule excuses what it names, is counted, and leaves the chains out of it', () => {
  const report = differ([rule]);
  expect(report.counts).toEqual({ ...noResults, ignored: 1 });
  expect(report).toMatchObject({ ignored_by: { 'clock-field': 1 }, overdue_rules: [], unequal_chains: 0 });
  expect(report.samples).toMatchObject([{ result: 'ignored', rule: 'clock-field' }]);
});

test.each([
  ['stream', { ...rule, match: { ...rule.match, stream: 'runtime.run.*' } }],
  ['stream, since a dot is a dot', { ...rule, match: { stream: 'runtime*worker?1' } }],
  ['kind', { ...rule, match: { ...rule.match, kind: 'turn/*' } }],
  ['result', { ...rule, match: { ...rule.match, result: 'extra' as const } }],
])('P24 a rule of another %s excuses nothing', (_, other) => {
  expect(differ([other])).toMatchObject({ counts: { mismatch: 1, ignored: 0 }, ignored_by: {} });
});

test('P25 a rule whose time is over excuses nothing and is reported with its owner', () => {
  const report = differ([rule], 5_000);
  expect(report.counts).toEqual({ ...noResults, mismatch: 1 });
  expect(report.overdue_rules).toEqual([{ id: 'clock-field', owner: 'comms', expired_at: rule.expires_at, hits: 1 }]);
  expect(differ([rule], 4_999).counts.ignored).toBe(1);
});

test.each([
  ['no owner', { ...rule, owner: ' ' }],
  ['no reason', { ...rule, reason: '' }],
  ['no end', { ...rule, expires_at: Number.NaN }],
  ['nothing it names', { ...rule, match: {} }],
  ['a result that is no difference', { ...rule, match: { result: 'match' as never } }],
])('P25 a rule with %s is refused', (_, bad) => {
  expect(() => setUp({ ignore: [bad] })).toThrow(expect.objectContaining({ code: 'invalid_rule' }));
});

test('P25 two rules of one id are refused', () => {
  expect(() => setUp({ ignore: [rule, rule] })).toThrow(expect.objectContaining({ code: 'invalid_rule' }));
});

function sampleOf(left: unknown, right: unknown, options: Parameters<typeof begun>[0] = {}): Sample {
  const { comparator } = begun(options);
  comparator.offer('left', event(1, { value: left }));
  comparator.offer('right', event(1, { value: right }));
  const [sample] = comparator.takeWindow().samples;
  if (sample === undefined) throw new Error('there is no sample');
  return sample;
}

test('P26 a diff goes path by path, and shows what is there on one side only', () => {
  const sample = sampleOf({ a: { b: [1, 2], same: true }, 'x/y': 1 }, { a: { b: [1, 3, 4], same: true }, new: null });
  expect(sample.diff).toEqual([
    { path: '/a/b/1', left: '2', right: '3' },
    { path: '/a/b/2', right: '4' },
    { path: '/x~1y', left: '1' },
    { path: '/new', right: 'null' },
  ]);
  expect(renderDiff(sample)).toBe(
    [
      `mismatch ${streamId} epoch-1 1`,
      `  left  item/completed key-1 ${sample.left?.payload_hash}`,
      `  right item/completed key-1 ${sample.right?.payload_hash}`,
      '  differs in payload_hash',
      '  /a/b/1',
      '    - 2',
      '    + 3',
      '  /a/b/2',
      '    - (nothing)',
      '    + 4',
      '  /x~1y',
      '    - 1',
      '    + (nothing)',
      '  /new',
      '    - (nothing)',
      '    + null',
    ].join('\n'),
  );
});

test('P26 long values and long diffs are cut, and say so', () => {
  const long = sampleOf({ text: 'x'.repeat(500) }, { text: `${'x'.repeat(500)}y` });
  expect(long.diff).toHaveLength(1);
  expect(long.diff[0]?.left?.length).toBeLessThan(150);
  expect(long.diff[0]?.left).toMatch(/… \(\d+ more\)$/);
  const many = sampleOf(
    Array.from({ length: 50 }, () => 0),
    Array.from({ length: 50 }, () => 1),
  );
  expect(many.diff).toHaveLength(20);
  expect(many.diff_cut).toBe(true);
  expect(renderDiff(many)).toMatch(/not all of it is shown/);
});

test('P26 a payload that is too long to be kept is compared by its hash', () => {
  const sample = sampleOf({ text: 'x'.repeat(500) }, { text: 'y' }, { limits: { payload: 100 } });
  expect(sample).toMatchObject({ result: 'mismatch', diff: [], diff_cut: true });
});

test('P27 secrets are redacted before they are kept, also inside what only one side has', () => {
  const redact = (path: string, value: unknown) => (path.includes('token') ? '[redacted]' : (value as never));
  const sample = sampleOf({ a: 1, token: 'secret-1' }, { a: 2, more: { token: 'secret-2' } }, { redact });
  expect(JSON.stringify(sample)).not.toMatch(/secret/);
  expect(sample.diff).toContainEqual({ path: '/more', right: '{"token":"[redacted]"}' });
});

test('P27 a hook that throws hides the value', () => {
  const redact = () => {
    throw new Error('broken');
  };
  expect(sampleOf('secret', 'other', { redact }).diff).toEqual([
    { path: '', left: '"[redacted]"', right: '"[redacted]"' },
  ]);
});

test('P28 of each result only the first few samples are kept', () => {
  const { comparator } = begun({ limits: { samples: 3 } });
  for (let seq = 1; seq <= 10; seq += 1) {
    comparator.offer('left', event(seq));
    comparator.offer('left', event(seq));
    comparator.offer('right', event(seq, { kind: 'other' }));
  }
  const { samples, counts } = comparator.takeWindow();
  expect(samples.map(({ result, seq }) => `${result} ${seq}`).sort()).toEqual([
    ...[1, 2, 3].map((seq) => `extra ${seq}`),
    ...[1, 2, 3].map((seq) => `mismatch ${seq}`),
  ]);
  expect(counts).toMatchObject({ extra: 10, mismatch: 10 });
  expect(comparator.takeWindow().samples).toEqual([]);
});

test('a payload nested deeper than the stack is told without a path', () => {
  const deep = (leaf: string) => `${'['.repeat(8_000)}${leaf}${']'.repeat(8_000)}`;
  const { comparator } = begun();
  comparator.offer('left', { ...event(1), payload: deep('1') });
  comparator.offer('right', { ...event(1, { value: 'other' }), payload: deep('2') });
  expect(comparator.takeWindow().samples[0]?.diff).toHaveLength(1);
});
