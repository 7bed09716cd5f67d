import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { mutateTarget } from '../../mutate/mutate-target.ts';
import { summaryOf } from '../../mutate/summary.ts';
import type { EquivalentMutant, Target } from '../../mutate/targets.ts';

const root = import.meta.dirname;
const target: Target = { folder: 'fixtures', sources: ['src/limit.ts'], tests: ['test/limit-cases.ts'] };
const file = path.join('fixtures', 'src', 'limit.ts');
const entry = (code: string, from: string, to: string): EquivalentMutant => ({
  file,
  code,
  from,
  to,
  reason: 'said so',
});
const comparison = 'return value <= limit;';
/** Each starts some processes, which take their time on a busy machine. */
const patience = 120_000;

describe('mutateTarget', () => {
  test(
    'kills what the tests notice, ends what does not end, and tells what nobody notices or explains',
    async () => {
      const shown: number[] = [];
      const equivalents = [
        entry('return true;', 'return true;', ';'),
        entry('let count = 0;', '0', '-1'),
        entry(comparison, '<=', '<'),
        entry(comparison, '<=', '!=='),
      ];
      const each = ({ line }: { line: number }) => void shown.push(line);
      const { results, findings } = await mutateTarget(root, target, equivalents, { spareCpu: 200, each });
      const told = results.map(({ line, from, to, outcome, reason }) => [line, from, to, outcome, reason ?? '']);
      expect(shown).toHaveLength(results.length);
      expect(told).toContainEqual([3, '<=', '>', 'killed', '']);
      expect(told).toContainEqual([8, '+=', '-=', 'timed-out', '']);
      expect(told).toContainEqual([12, "'one'", "'two'", 'killed', '']);
      expect(told.filter(([, , , outcome]) => outcome === 'survived')).toEqual([
        [7, '0', '-1', 'survived', 'said so'],
        [16, 'return true;', ';', 'survived', 'said so'],
        [16, 'true', 'false', 'survived', ''],
      ]);
      expect(findings).toEqual([
        `${file}: no mutant "<=" -> "!==" in "${comparison}"`,
        expect.stringMatching(`^${file}:3: "<=" -> "<" is not equivalent \\(limit-cases.ts: limits`),
      ]);
      const { text, survived } = summaryOf(results);
      expect(survived).toBe(1);
      expect(text).toMatch(/^\d+ mutants: \d+ killed, 4 timed out, 2 equivalent, 1 survived$/);
    },
    patience,
  );

  test(
    'says nothing about tests that fail by themselves',
    async () => {
      const failing: Target = { ...target, tests: ['test/failing-cases.ts'] };
      await expect(mutateTarget(root, failing, [])).rejects.toThrow('fail without a mutant');
      await expect(mutateTarget(root, { ...target, tests: [] }, [])).rejects.toThrow('no tests');
    },
    patience,
  );
});
