import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anyCharacter } from '../../../testing/src/any-text.ts';
import { canonicalJson, deepestNesting, parseCanonicalJson, SyncError } from '../src/index.ts';

function refusal(run: () => unknown): SyncError {
  try {
    run();
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

describe('C1 the text is RFC 8785', () => {
  test.each<[string, unknown, string]>([
    [
      'sorted members, no white space',
      { b: [1, 2, { z: null, a: true }], a: 'x' },
      '{"a":"x","b":[1,2,{"a":true,"z":null}]}',
    ],
    ['empty containers', { a: {}, b: [], c: '' }, '{"a":{},"b":[],"c":""}'],
    [
      'the number list of the RFC',
      [Number('333333333.33333329'), 1e30 / 1e30, 4.5, 2e-3, 1e-27],
      '[333333333.3333333,1,4.5,0.002,1e-27]',
    ],
    ['1.0 and 1 alike', [1.0, 10 / 10], '[1,1]'],
    ['minus zero as zero', [-0, { a: -0 }], '[0,{"a":0}]'],
    ['exponents', [1e-7, 1.5e-9, 5e-324, 0.000001], '[1e-7,1.5e-9,5e-324,0.000001]'],
    ['the largest exact integers', [9007199254740991, -9007199254740991], '[9007199254740991,-9007199254740991]'],
    ['control characters', '\u0000\b\t\n\f\r\u001f"\\', '"\\u0000\\b\\t\\n\\f\\r\\u001f\\"\\\\"'],
    ['U+2028 and U+2029 raw', '\u2028\u2029', '"\u2028\u2029"'],
    ['slash and DEL raw', '/\u007f', '"/\u007f"'],
    ['astral characters raw', '\u{1f600}', '"\u{1f600}"'],
    ['a member named __proto__', JSON.parse('{"__proto__":1,"a":2}'), '{"__proto__":1,"a":2}'],
    ['an object without a prototype', Object.assign(Object.create(null), { b: 1, a: 2 }), '{"a":2,"b":1}'],
  ])('%s', (_name, value, text) => {
    expect(canonicalJson(value)).toBe(text);
    expect(parseCanonicalJson(text)).toEqual(JSON.parse(text));
  });

  test('the key order example of the RFC: by UTF-16 code units, astral keys before U+FB33', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\u{1f600}': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    const order = [...canonicalJson(value).matchAll(/:"([^"]+)"/g)].map((match) => match[1]);
    expect(order).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });

  test('the same object twice is no cycle', () => {
    const shared = { a: 1 };
    expect(canonicalJson([shared, shared])).toBe('[{"a":1},{"a":1}]');
  });
});

describe('C2 what JSON cannot carry exactly is refused with its path', () => {
  const cycle: Record<string, unknown> = {};
  cycle.inner = { back: cycle };
  const sparse: unknown[] = [1];
  sparse[2] = 3;
  class Point {
    x = 1;
  }
  test.each<[string, unknown, string]>([
    ['undefined', undefined, ''],
    ['undefined as member', { a: { b: undefined } }, '/a/b'],
    ['a hole of a sparse array', { list: sparse }, '/list/1'],
    ['a function', [() => 1], '/0'],
    ['a symbol', [Symbol('s')], '/0'],
    ['a bigint', { n: 1n }, '/n'],
    ['NaN', [Number.NaN], '/0'],
    ['Infinity', [-Infinity], '/0'],
    ['2^53', { n: 2 ** 53 }, '/n'],
    ['-2^53', { n: -(2 ** 53) }, '/n'],
    ['1e300', [1e300], '/0'],
    ['a lone high surrogate', { s: 'a\ud800' }, '/s'],
    ['a lone low surrogate', { s: '\udc00a' }, '/s'],
    ['a lone surrogate in a key', { 'k\ud800': 1 }, '/k\ud800'],
    ['a cycle', cycle, '/inner/back'],
    ['a Date', { at: new Date(0) }, '/at'],
    ['a Map', [new Map()], '/0'],
    ['bytes', [new Uint8Array(1)], '/0'],
    ['a class instance', [new Point()], '/0'],
    ['an inherited object', [Object.create({ a: 1 })], '/0'],
    ['a boxed number', [Object(1)], '/0'],
    ['an object with its own toJSON', { a: { toJSON: () => 1 } }, '/a'],
    ['symbol keys', { [Symbol('k')]: 1 }, ''],
    ['an array with more than its items', { list: Object.assign([1], { extra: 2 }) }, '/list'],
    ['a key that needs escapes in a pointer', { 'a/b~c': 1n }, '/a~1b~0c'],
  ])('%s', (_name, value, path) => {
    const error = refusal(() => canonicalJson(value));
    expect(error.code).toBe('unrepresentable');
    expect(error.details.path).toBe(path);
  });

  test('nesting is taken to the limit and refused beyond it', () => {
    expect(canonicalJson(nested(deepestNesting))).toHaveLength(2 * deepestNesting + 1);
    expect(refusal(() => canonicalJson(nested(deepestNesting + 1))).code).toBe('unrepresentable');
    const hostile = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(refusal(() => parseCanonicalJson(hostile)).code).toBe('not_canonical');
  });
});

describe('C3 only canonical text is taken', () => {
  test.each([
    ['not JSON', '{a:1}'],
    ['nothing', ''],
    ['white space', '{"a": 1}'],
    ['a trailing new line', '1\n'],
    ['unsorted members', '{"b":1,"a":2}'],
    ['a member twice', '{"a":1,"a":1}'],
    ['1.0', '[1.0]'],
    ['1E2', '[1E2]'],
    ['-0', '[-0]'],
    ['2^53', '[9007199254740992]'],
    ['an integer that a number would round', '[9007199254740993]'],
    ['a number out of range', '[1e400]'],
    ['an escape that is not needed', '"\\u0041"'],
    ['an escaped slash', '"\\/"'],
    ['an uppercase escape', '"\\u001F"'],
    ['an escaped lone surrogate', '"\\ud800"'],
    ['a byte order mark', '\ufeff1'],
  ])('%s', (_name, text) => {
    expect(refusal(() => parseCanonicalJson(text)).code).toBe('not_canonical');
  });

  test('what is written is its own canonical form and reads back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4, stringUnit: anyCharacter }), (value) => {
        let text: string;
        try {
          text = canonicalJson(value);
        } catch (error) {
          return error instanceof SyncError && error.code === 'unrepresentable';
        }
        expect(canonicalJson(parseCanonicalJson(text))).toBe(text);
        // JSON itself writes -0 as 0, so its own round trip is the reference.
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        return true;
      }),
    );
  });

  test('the order in which members were added does not matter', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.integer()), fc.nat(), (record, seed) => {
        const entries = Object.entries(record);
        const turn = entries.length === 0 ? 0 : seed % entries.length;
        const other = Object.fromEntries([...entries.slice(turn), ...entries.slice(0, turn)].reverse());
        expect(canonicalJson(other)).toBe(canonicalJson(record));
      }),
    );
  });
});
