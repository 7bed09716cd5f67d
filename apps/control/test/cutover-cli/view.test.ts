import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { count, duration, moment, relative, share, shortDigest } from '../../src/cutover-cli/view/amounts.ts';
import { Page } from '../../src/cutover-cli/view/page.ts';
import { Progress } from '../../src/cutover-cli/view/progress.ts';
import { styleFor } from '../../src/cutover-cli/view/style.ts';
import { table } from '../../src/cutover-cli/view/table.ts';
import { plain, widthOf, wrap } from '../../src/cutover-cli/view/text.ts';

const bare = (text: string) => text;

describe('what is shown', () => {
  test('text of others cannot steer the terminal', () => {
    expect(plain('a\u001b[2Jb\u0007\r\nc\u009b31m\u202ed')).toBe('a [2Jb c 31md');
    const page = new Page(60, styleFor({ terminal: true }, {}));
    page.fields([['reason', '\u001b]0;owned\u0007']]);
    page.table([{ head: 'unit' }], [['\u001b[31mu1']]);
    page.alarm('x\u001by');
    expect(stripVTControlCharacters(page.toString()).replaceAll(/ +$/gm, '')).toBe(
      'reason  ]0;owned\nunit\n[31mu1\n!! x y\n',
    );
  });

  test('counts columns, and breaks lines between words, at marks, or anywhere', () => {
    expect([widthOf('abc'), widthOf('漢字'), widthOf('e\u0301'), widthOf('🚀')]).toEqual([3, 4, 1, 2]);
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('@autopilot/apply-engine', 12)).toEqual(['@autopilot/', 'apply-engine']);
    expect(wrap('abcdefgh', 3)).toEqual(['abc', 'def', 'gh']);
    expect(wrap('', 3)).toEqual(['']);
  });

  test.each([40, 60, 80, 120])('a table fits %i columns and loses no text', (width) => {
    const cells = [
      'replay-determinism',
      'inconclusive',
      'It is of @autopilot/session 0.1.0 and 12 cases 漢字漢字漢字漢字.',
    ];
    const columns = [{ head: 'gate', least: 8 }, { head: 'verdict' }, { head: 'seen', least: 16 }];
    const lines = table(columns, [cells, cells], width, bare);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width);
    const shown = lines.join('').replaceAll(' ', '');
    for (const word of ['determinism', 'inconclusive', '0.1.0'])
      expect(shown.includes(word) || width === 40).toBe(true);
    expect([...shown].filter((each) => each === '漢')).toHaveLength(8);
  });

  test('aligns numbers to the right', () => {
    const lines = table(
      [{ head: 'result' }, { head: 'n', align: 'right' }],
      [
        ['match', '12'],
        ['late', '3'],
      ],
      80,
      bare,
    );
    expect(lines).toEqual(['result   n', 'match   12', 'late     3']);
  });

  test('colours on a terminal only, and never with NO_COLOR', () => {
    expect(styleFor({ terminal: true }, {})('x', 'bad')).toBe('\u001b[31mx\u001b[0m');
    expect(styleFor({ terminal: false }, {})('x', 'bad')).toBe('x');
    expect(styleFor({ terminal: true }, { NO_COLOR: '1' })('x', 'bad')).toBe('x');
    expect(styleFor({ terminal: true }, { NO_COLOR: '' })('x', 'bad')).not.toBe('x');
    expect(styleFor({ terminal: true }, { TERM: 'dumb' })('x', 'alarm')).toBe('x');
  });

  test('says amounts without rounding a difference away', () => {
    expect([0, 999, 61_000, 7_500_000, 90_000_000, Number.NaN].map(duration)).toEqual([
      '0 ms',
      '999 ms',
      '1 min 1 s',
      '2 h 5 min',
      '1 d 1 h',
      'unknown',
    ]);
    expect([share(1, 1), share(999_999_999, 1_000_000_000), share(1, 1e9), share(0, 5), share(0, 0)]).toEqual([
      '100 % of 1',
      '99.9999 % of 1,000,000,000',
      'under 0.0001 % of 1,000,000,000',
      '0 % of 5',
      'of none',
    ]);
    expect([relative(0, 60_000), relative(60_000, 0), relative(5, 0)]).toEqual(['1 min ago', 'in 1 min', 'just now']);
    expect(moment(1_000, 61_000)).toBe('1970-01-01T00:00:01Z (1 min ago)');
    expect([count(1_234_567), count(Number.NaN)]).toEqual(['1,234,567', 'unknown']);
    expect(shortDigest(`plan sha256:${'a'.repeat(64)}!`)).toBe('plan sha256:aaaaaaaaaaaa…!');
  });

  test('progress replaces itself on a terminal, and is a line now and then elsewhere', () => {
    const written: string[] = [];
    let now = 0;
    const on = (terminal: boolean) =>
      new Progress({ write: (text) => void written.push(text), terminal, columns: 20 }, () => now);
    const live = on(true);
    live.say('1 of 9');
    live.say('2 of 9');
    now = 200;
    live.say('a text that is longer than the terminal');
    live.end();
    expect(written).toEqual(['\r1 of 9', '\ra text that is long', `\r${' '.repeat(19)}\r`]);
    written.length = 0;
    const log = on(false);
    log.say('first');
    now += 5_000;
    log.say('second');
    log.end();
    expect(written).toEqual(['second\n']);
  });
});
