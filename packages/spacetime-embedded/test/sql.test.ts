import { anyText } from '@autopilot/testing/any-text';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AlgebraicType, ConnectionId, Identity, Timestamp, Uuid } from 'spacetimedb';
import { HostError } from '../src/errors.ts';
import { literalValue } from '../src/sql/literal.ts';
import { longestQuery, parseSelect } from '../src/sql/parser.ts';
import { compare } from '../src/sql/scalar.ts';

const column = (name: string, table?: string) => ({ kind: 'column', table, column: name });
const where = (text: string) => {
  const select = parseSelect(`SELECT * FROM t WHERE ${text}`);
  return select.kind === 'select' ? select.where : select;
};
const coded = (code: string) => expect.objectContaining({ code });

describe('the grammar', () => {
  test('Q1 a whole statement', () => {
    const text = 'select p.* from Player as p inner join "my team" m on p.team = m."na""me" where p.id > -1 limit 5;';
    expect(parseSelect(text)).toEqual({
      kind: 'select',
      projection: { kind: 'rows', of: 'p' },
      from: { name: 'Player', alias: 'p' },
      joins: [
        {
          table: { name: 'my team', alias: 'm' },
          on: { left: { table: 'p', column: 'team' }, right: { table: 'm', column: 'na"me' } },
        },
      ],
      where: { kind: 'compare', operator: '>', left: column('id', 'p'), right: { kind: 'number', text: '-1' } },
      limit: 5,
    });
    expect(parseSelect('SELECT * FROM *')).toEqual({ kind: 'everything' });
  });

  test('Q1 AND binds closer than OR, and parentheses closer than both', () => {
    const eq = (name: string) => ({
      kind: 'compare',
      operator: '=',
      left: column(name),
      right: { kind: 'number', text: '1' },
    });
    expect(where('a = 1 OR b = 1 AND c = 1')).toEqual({
      kind: 'or',
      parts: [eq('a'), { kind: 'and', parts: [eq('b'), eq('c')] }],
    });
    expect(where('(a = 1 OR b = 1) AND c = 1')).toEqual({
      kind: 'and',
      parts: [{ kind: 'or', parts: [eq('a'), eq('b')] }, eq('c')],
    });
  });

  test.each([
    ["'it''s'", { kind: 'string', text: "it's" }],
    ['0xAB', { kind: 'hex', text: 'AB' }],
    ["X'ab'", { kind: 'hex', text: 'ab' }],
    ['TRUE', { kind: 'bool', value: true }],
    [':sender', { kind: 'sender' }],
    ['+1.5e-3', { kind: 'number', text: '1.5e-3' }],
    ['other.b', column('b', 'other')],
  ])('Q1 the operand %s', (text, operand) => {
    expect(where(`a = ${text}`)).toMatchObject({ right: operand });
  });

  test.each([
    ['', 'sql_syntax'],
    ['SELECT', 'sql_syntax'],
    ['SELECT * FROM t WHERE', 'sql_syntax'],
    ['SELECT * FROM t WHERE a', 'sql_syntax'],
    ['SELECT * FROM t; SELECT * FROM u', 'sql_syntax'],
    ["SELECT * FROM t WHERE a = 'open", 'sql_syntax'],
    ['SELECT 1', 'sql_syntax'],
    ['SELECT * FROM t WHERE a = 12abc', 'sql_syntax'],
    ['SELECT COUNT(*) FROM t', 'sql_syntax'],
    ['SELECT * FROM t ORDER BY a', 'sql_unsupported'],
    ['SELECT * FROM t WHERE NOT a = 1', 'sql_unsupported'],
    ['SELECT * FROM t WHERE a IN (1)', 'sql_unsupported'],
    ['SELECT * FROM t LEFT JOIN u ON t.a = u.a', 'sql_unsupported'],
    ['SELECT * FROM t, u', 'sql_unsupported'],
    ['DELETE FROM t', 'sql_unsupported'],
    [`SELECT * FROM t WHERE a = '${'x'.repeat(longestQuery)}'`, 'sql_syntax'],
    [`SELECT * FROM t WHERE ${'('.repeat(20_000)}`, 'sql_syntax'],
  ])('Q2 %.60s is refused as %s', (text, code) => {
    expect(() => parseSelect(text)).toThrow(coded(code));
  });

  test('Q2 long chains do not exhaust the stack', () => {
    expect(where(Array.from({ length: 5000 }, () => 'a = 1').join(' OR '))).toMatchObject({ kind: 'or' });
  });

  test('Q2 whatever comes in, a statement or a typed error comes out', () => {
    const word = fc.constantFrom(
      ...[
        'SELECT',
        '*',
        'FROM',
        't',
        'WHERE',
        'a',
        '=',
        '<>',
        '1',
        '-',
        "'x'",
        '(',
        ')',
        'AND',
        'OR',
        ':sender',
        '.',
        'JOIN',
        'ON',
      ],
    );
    const texts = fc.oneof(
      anyText(),
      fc.array(word).map((words) => words.join(' ')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          expect(['select', 'everything']).toContain(parseSelect(text).kind);
        } catch (error) {
          expect(error).toBeInstanceOf(HostError);
        }
      }),
      propertyRuns(200),
    );
  });
});

describe('literals by column type', () => {
  const identity = `c200${'0'.repeat(59)}7`;
  const num = (text: string) => ({ kind: 'number', text }) as const;
  const str = (text: string) => ({ kind: 'string', text }) as const;
  const hexText = (text: string) => ({ kind: 'hex', text }) as const;
  test.each([
    ['u8', AlgebraicType.U8, num('255'), 255],
    ['i8', AlgebraicType.I8, num('-128'), -128],
    ['u64', AlgebraicType.U64, num('18446744073709551615'), 18446744073709551615n],
    ['i256', AlgebraicType.I256, num(`-${2n ** 255n}`), -(2n ** 255n)],
    ['an integer with an exponent', AlgebraicType.U32, num('1.20e1'), 12],
    ['f32', AlgebraicType.F32, num('0.1'), Math.fround(0.1)],
    ['f64', AlgebraicType.F64, num('1e3'), 1000],
    ['bool', AlgebraicType.Bool, { kind: 'bool', value: false } as const, false],
    ['string', AlgebraicType.String, str('x'), 'x'],
    ['digits in quotes for an integer', AlgebraicType.U8, str('1'), 1],
    ['digits in quotes for a float', AlgebraicType.F64, str('-.5'), -0.5],
    ['a number for text', AlgebraicType.String, num('1e3'), '1e3'],
    ['hex for text', AlgebraicType.String, hexText('0a'), '0a'],
    ['a float too large', AlgebraicType.F32, num('1e40'), Number.POSITIVE_INFINITY],
    ['bytes', AlgebraicType.Array(AlgebraicType.U8), hexText('00ff'), Uint8Array.of(0, 255)],
    ['identity', Identity.getAlgebraicType(), hexText(identity), new Identity(BigInt(`0x${identity}`))],
    ['connection id', ConnectionId.getAlgebraicType(), hexText(`${'0'.repeat(31)}5`), new ConnectionId(5n)],
    ['timestamp', Timestamp.getAlgebraicType(), str('1970-01-01T00:00:01.000002Z'), new Timestamp(1_000_002n)],
    ['timestamp with a zone', Timestamp.getAlgebraicType(), str('1970-01-01T01:00:00+01:00'), new Timestamp(0n)],
    ['uuid', Uuid.getAlgebraicType(), str('00000000-0000-0000-0000-000000000001'), new Uuid(1n)],
  ])('Q3 %s', (_name, type, literal, value) => {
    expect(literalValue(type as AlgebraicType, literal)).toEqual(value);
  });

  test.each([
    ['u8 out of range', AlgebraicType.U8, num('256')],
    ['u8 negative', AlgebraicType.U8, num('-1')],
    ['an integer with a fraction', AlgebraicType.I32, num('1.5')],
    ['a huge exponent', AlgebraicType.U256, num('1e999999')],
    ['text for an integer', AlgebraicType.U8, str('x')],
    ['no text for an integer', AlgebraicType.U8, str('')],
    ['text for a float', AlgebraicType.F64, str('Infinity')],
    ['hex for an integer', AlgebraicType.U8, hexText('10')],
    ['half a byte', AlgebraicType.Array(AlgebraicType.U8), hexText('0')],
    ['a short identity', Identity.getAlgebraicType(), hexText('c200')],
    ['a day that is none', Timestamp.getAlgebraicType(), str('2020-13-01T00:00:00Z')],
    ['an option', AlgebraicType.Sum({ variants: [] }), num('1')],
  ])('Q3 %s is refused', (_name, type, literal) => {
    expect(() => literalValue(type as AlgebraicType, literal)).toThrow(coded('sql_type'));
  });
});

test('Q4 comparison is a total order: floats with -0 and NaN, strings by UTF-8', () => {
  const sorted = (values: (number | string)[]) => [...values].sort(compare);
  expect(sorted([Number.NaN, 1, 0, -0, -1])).toEqual([-1, -0, 0, 1, Number.NaN]);
  expect(compare(Number.NaN, Number.NaN)).toBe(0);
  // By UTF-16 units the astral character would come first.
  expect(sorted(['\u{1F600}', '\uFF5E', 'a'])).toEqual(['a', '\uFF5E', '\u{1F600}']);
});
