import { describe, expect, test } from '@jest/globals';
import * as format from '../../ui/src/format.ts';

describe('the words of the page', () => {
  test('what is not known is a dash, never a number', () => {
    const { formatCount, formatMs, formatSeconds, formatWhole, formatRate } = format;
    for (const write of [formatCount, formatMs, formatSeconds, formatWhole, formatRate]) expect(write(null)).toBe('–');
  });

  test.each([
    ['0', '0'],
    ['1234567', '1,234,567'],
    ['18446744073709551615', '18,446,744,073,709,551,615'],
  ])('the sequence %s is %s', (seq, text) => expect(format.formatCount(seq)).toBe(text));

  test.each([
    [0, '0 s'],
    [0.04, '<0.1 s'],
    [3.24, '3.2 s'],
    [9.96, '10 s'],
    [59.6, '1 m 00 s'],
    [75, '1 m 15 s'],
    [7800, '2 h 10 m'],
    [273_600, '3 d 4 h'],
    [-3, '0 s'],
  ])('%d seconds are %s', (seconds, text) => expect(format.formatSeconds(seconds)).toBe(text));

  test.each([
    [0.84, '0.8 ms'],
    [12.4, '12 ms'],
    [999.4, '999 ms'],
    [1400, '1.4 s'],
  ])('%d milliseconds are %s', (milliseconds, text) => expect(format.formatMs(milliseconds)).toBe(text));

  test.each([
    [5, '5 s'],
    [61, '1 m'],
    [7300, '2 h'],
    [200_000, '2 d'],
  ])('%d seconds ago is %s', (seconds, text) => expect(format.formatAge(seconds)).toBe(text));

  test('rates and hashes are short', () => {
    expect([0, 0.25, 12.6, 3200].map(format.formatRate)).toEqual(['0/s', '0.3/s', '13/s', '3,200/s']);
    expect(format.shortHash('a'.repeat(32) + 'b'.repeat(32))).toBe('aaaaaa…bbbbbb');
    expect(format.shortHash('short')).toBe('short');
  });
});
