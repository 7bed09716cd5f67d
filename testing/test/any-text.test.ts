import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anyText, anyUtf16 } from '../src/any-text.ts';

const kinds: readonly (readonly [string, RegExp])[] = [
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  ['a control character', /[\u0000-\u001f\u007f]/],
  ['plain ASCII', /[ -~]/],
  ['two bytes of UTF-8', /[\u0080-\u07ff]/],
  ['three bytes of UTF-8', /[\u0800-\ud7ff\ue000-\uffff]/u],
  ['a character beyond the first plane', /[\u{10000}-\u{10ffff}]/u],
];

describe('any text', () => {
  test('has every kind of character, is well-formed, and is as long as asked for', () => {
    const texts = fc.sample(anyText({ minLength: 1, maxLength: 20 }), { numRuns: 300, seed: 1 });
    for (const [kind, pattern] of kinds) expect([kind, texts.some((text) => pattern.test(text))]).toEqual([kind, true]);
    for (const text of texts) {
      expect(text.isWellFormed()).toBe(true);
      expect([...text].length).toBeGreaterThanOrEqual(1);
      expect([...text].length).toBeLessThanOrEqual(20);
    }
    expect(fc.sample(anyText(), { numRuns: 300, seed: 1 })).toContain('');
  });

  test('of UTF-16 has lone surrogates among all of that', () => {
    const texts = fc.sample(anyUtf16(), { numRuns: 300, seed: 1 });
    for (const [kind, pattern] of kinds) expect([kind, texts.some((text) => pattern.test(text))]).toEqual([kind, true]);
    expect(texts.some((text) => !text.isWellFormed())).toBe(true);
    expect(texts.some((text) => text !== '' && text.isWellFormed())).toBe(true);
  });

  test('shrinks to what matters', () => {
    const { counterexample } = fc.check(
      fc.property(anyText(), (text) => !/[\u{10000}-\u{10ffff}]/u.test(text)),
      { seed: 1, numRuns: 300 },
    );
    expect(counterexample).toEqual(['\u{10000}']);
  });
});
