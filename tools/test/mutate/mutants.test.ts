import { describe, expect, test } from '@jest/globals';
import { mutantsOf } from '../../mutate/mutants.ts';

const changes = (source: string) => mutantsOf(source).map(({ operator, from, to }) => [operator, from, to]);

describe('mutantsOf', () => {
  test.each<[string, string, readonly (readonly [string, string, string])[]]>([
    [
      'comparisons, with the other side of the limit',
      'const a = b < c;',
      [
        ['relational', '<', '<='],
        ['relational', '<', '>='],
      ],
    ],
    ['equality', 'const a = b !== c;', [['relational', '!==', '===']]],
    [
      'arithmetic, and whole numbers by one',
      'const a = b + 10_000n;',
      [
        ['arithmetic', '+', '-'],
        ['literal', '10_000n', '10001n'],
        ['literal', '10_000n', '9999n'],
      ],
    ],
    [
      'conditions that are dropped, and negations',
      'const a = !b && c;',
      [
        ['condition', '!b', 'b'],
        ['condition', '!b && c', '!b'],
        ['condition', '!b && c', 'c'],
      ],
    ],
    [
      'statements that are removed',
      'function f(): void { g(); return; }',
      [
        ['removed', 'g();', ';'],
        ['removed', 'return;', ';'],
      ],
    ],
    [
      'conditions that always hold or never',
      'function f(a: boolean): void { if (a) g(); }',
      [
        ['condition', 'a', 'true'],
        ['condition', 'a', 'false'],
        ['removed', 'g();', ';'],
      ],
    ],
    [
      'cells that are exchanged, and spreads and members that are left out',
      "const a = { ...b, c: 'x', d: 'y', e } as const satisfies Z;",
      [
        ['removed', '...b', '...{}'],
        ['cell', "'x'", "'y'"],
        ['cell', "'y'", 'e'],
        ['cell', 'e', 'e: undefined'],
      ],
    ],
    [
      'items that are left out, and calls',
      'const a = [b, ...c].some(d);',
      [
        ['removed', 'b,', ''],
        ['removed', '...c', ''],
        ['call', 'some', 'every'],
      ],
    ],
    [
      'counting',
      'function f(): void { a += b; }',
      [
        ['removed', 'a += b;', ';'],
        ['arithmetic', '+=', '-='],
      ],
    ],
    ['what a function gives', 'const a = () => b;', [['removed', 'b', 'undefined']]],
    ['a call by a name that every object has', 'const a = b.toString();', []],
    ['nothing in types, imports and names', "import { a } from 'b';\ntype C = 'd' | 1;\nlet e: C = f.g as 'd';", []],
  ])('changes %s', (_what, source, expected) => {
    expect(changes(source)).toEqual(expected);
  });

  test('gives the whole file with one change, whatever its letters are, and where it is', () => {
    const source = "// é, 漢 and 🦊\nconst a = 'ü' === b;\n";
    expect(mutantsOf(source)).toEqual([
      {
        ...{ operator: 'literal', line: 2, code: "const a = 'ü' === b;", from: "'ü'", to: "''" },
        source: "// é, 漢 and 🦊\nconst a = '' === b;\n",
      },
      {
        ...{ operator: 'relational', line: 2, code: "const a = 'ü' === b;", from: '===', to: '!==' },
        source: "// é, 漢 and 🦊\nconst a = 'ü' !== b;\n",
      },
    ]);
  });
});
