import { describe, expect, test } from '@jest/globals';
import { commands } from '../../src/cutover-cli/commands.ts';
import { parseLine } from '../../src/cutover-cli/line/parse-line.ts';
import { repeatLine } from '../../src/cutover-cli/line/repeat-line.ts';
import { ahead, behind, parseDuration } from '../../src/cutover-cli/line/when.ts';

/** Understands a line as the program does, and throws what it refuses. */
function understand(...args: readonly string[]): void {
  const { spec, args: read } = parseLine(args, commands);
  spec.read(read);
}

describe('the command line', () => {
  test.each([
    [['stauts'], 'Did you mean "status"?'],
    [['zzz'], 'There is no command "zzz".'],
    [['status', '--jsno'], 'Did you mean --json?'],
    [['status', 'now'], 'one argument too many'],
    [['status', '--json=yes'], 'takes no value'],
    [['approve'], 'needs an argument'],
    [['approve', 'r', '--key', 'a', '--key', 'b'], 'given twice'],
    [['request', '--to', '1'], '--reason is missing'],
    [['request', '--to', '4', '--reason', 'x'], 'not a stage'],
    [['request', '--reason', 'x'], '--to is missing'],
    [['request', '--to', '--reason', 'x'], '--to needs a value'],
    [['request', '--to', '1', '--reason', ' '], '--reason is empty'],
    [['request', '--to', '1', '--reason', 'x', '--revision', '1.5'], 'not a whole number'],
    [['plan'], 'One of --to, --percent is needed'],
    [['plan', '--to', '1', '--percent', '5'], 'Only one of'],
    [['plan', '--percent', '101'], 'from 0 to 100'],
    [['plan', '--percent', 'NaN'], 'not a number'],
    [['rollback', '--cohort', '5', '--until', '2h', '--reason', 'x'], '--until has no meaning'],
    [['rollback', '--units', 'a', '--reason', 'x'], '--until is missing'],
    [['rollback', '--units', 'a,,b', '--until', '2h', '--reason', 'x'], 'names nothing'],
    [['rollback', '--units', 'a', '--until', 'soon', '--reason', 'x'], 'neither a duration'],
    [['rollback', '--stage', '3', '--reason', 'x'], 'Nothing is rolled back to Stage 3'],
    [['cohort', '--reason', 'x'], 'Nothing is to be changed'],
    [['fallback', '--reason', 'x', '--expires', '2h'], '--incident is missing'],
    [['fallback', '--end', '--incident', 'i', '--reason', 'x'], 'no meaning with --end'],
    [['waive', '--gate', 'parties', '--owner', 'o', '--expires', '1d', '--reason', 'x'], 'not one of'],
    [['force', '--to', '3', '--incident', 'i', '--expires', '1h', '--reason', 'x'], 'nothing else can be forced'],
    [['release', '--reason', 'x'], 'One of --hold, --cycle'],
    [['gates', '--evaluate', 'rulebook'], 'not a gate that control runs'],
    [['submit'], 'needs an argument'],
    [['parity', '--files', 'one'], 'RIGHT is missing'],
    [['parity', 'a', 'b'], '--files LEFT RIGHT'],
    [['parity', '--pair', 'a/b'], 'not one of'],
    [['verify', '.'], 'has to be 3'],
    [['verify', '--stage', '2', '.'], 'has to be 3'],
    [['verify', '--stage', '3', '.', '--receipt', 'x'], 'belong together'],
    [['audit', 'erase'], 'none of verify, export, show'],
    [['audit', 'show', '--out', 'x'], 'no meaning with audit show'],
    [['audit', 'verify', '--head', '7'], 'not SEQ:HASH'],
    [['evidence', 'burn'], 'neither export nor verify'],
    [['evidence', 'export'], 'One of --to, --percent'],
    [['help', 'evrything'], 'There is no command'],
  ] as const)('refuses %j', (args, message) => {
    let refusal: unknown;
    try {
      understand(...args);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ code: 'usage', ending: 'usage', message: expect.stringContaining(message) });
  });

  test.each([
    [['status', '--json']],
    [['plan', '--percent', '5%']],
    [['approve', 'r', '--digest', 'sha256:x']],
    [['advance', 'r', '--drain', '--wait']],
    [['rollback', '--units', 'a, b', '--until', '2026-11-22T18:00:00+01:00', '--reason', 'x', '--drain']],
    [['cohort', '--percent', '12.5', '--cap', 'none', '--reason', 'x']],
    [['audit', 'verify', 'a.ndjson', '--head', `3:sha256:${'0'.repeat(64)}`]],
  ])('understands %j', (args) => {
    expect(() => understand(...args)).not.toThrow();
  });

  test('every command of the help is understood with --help, and shows its options', () => {
    for (const { name, usage } of commands) {
      expect(parseLine([name, '--help'], commands).spec.name).toBe(name);
      for (const line of usage) expect(line.split(' ')[0]).toBe(name);
    }
  });

  test('reads lengths of time, and lays moments ahead and behind', () => {
    expect(['90s', '30m', '2h', '1d', '1.5h', '250ms'].map(parseDuration)).toEqual([
      90_000, 1_800_000, 7_200_000, 86_400_000, 5_400_000, 250,
    ]);
    expect(['', '2', 'h', '-1h', '1w', 'NaNs', '1e9d'].map(parseDuration)).toEqual(Array(7).fill(null));
    expect(ahead({ kind: 'in', ms: 1_000 }, 10_001)).toBe(12_000);
    expect(behind({ kind: 'in', ms: 1_000 }, 10_001)).toBe(9_001);
    expect(behind({ kind: 'in', ms: 99_000 }, 10_001)).toBe(0);
    expect([ahead({ kind: 'at', ms: 7 }, 10), behind({ kind: 'at', ms: 7 }, 10)]).toEqual([7, 7]);
  });

  test('repeats a line with what was settled, quoted for a shell', () => {
    const given = ['fallback', '--expires', '2h', '--reason', "it's late", '--key=old', '--incident', 'I-1'];
    expect(repeatLine(given, { expires: '2026-11-22T18:00:00Z', key: 'new' })).toBe(
      "cutover fallback --reason 'it'\\''s late' --incident I-1 --expires 2026-11-22T18:00:00Z --key new",
    );
  });
});
