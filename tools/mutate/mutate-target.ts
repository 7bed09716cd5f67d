import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Mutant, mutantsOf } from './mutants.ts';
import { TestProcess } from './test-process.ts';
import type { EquivalentMutant, Target } from './targets.ts';

/** A mutant, where it is, and what became of it. */
export interface MutantResult extends Omit<Mutant, 'source'> {
  /** From the root of the repository. */
  readonly file: string;
  readonly outcome: 'killed' | 'timed-out' | 'survived';
  /** The test that failed. */
  readonly by: string;
  /** Why no test can tell it from the code, where somebody has said so. */
  readonly reason: string | undefined;
}

/** What the tests of a package are worth. */
export interface TargetReport {
  readonly results: readonly MutantResult[];
  /** What is wrong with the list of equivalent mutants: entries that name no mutant, or one that is killed. */
  readonly findings: readonly string[];
}

/** How to go about it. */
export interface MutateOptions {
  /** Told of each mutant when it is known what became of it. */
  readonly each?: (result: MutantResult) => void;
  /** Processor time that each mutant may take beside three times that of the tests. Milliseconds; default 1000. */
  readonly spareCpu?: number;
}

/**
 * Runs the tests of a package against every mutant of its sources.
 *
 * @throws {Error} when the tests fail without any mutant: then nothing can be said.
 */
export async function mutateTarget(
  root: string,
  target: Target,
  equivalents: readonly EquivalentMutant[],
  { each = () => undefined, spareCpu = 1_000 }: MutateOptions = {},
): Promise<TargetReport> {
  const folder = path.join(root, target.folder);
  const tests = target.tests.map((test) => path.join(folder, test));
  const process = new TestProcess();
  let id = 0;
  try {
    const sound = await process.run({ id, folder, tests, mostCpu: Number.MAX_SAFE_INTEGER });
    if (sound.outcome !== 'survived') {
      throw new Error(`The tests of ${target.folder} fail without a mutant: ${JSON.stringify(sound)}`);
    }
    if (sound.ran === 0) throw new Error(`${target.folder} has no tests to run.`);
    const mostCpu = 3 * sound.cpu + spareCpu;
    const results: MutantResult[] = [];
    const unused = new Set(equivalents.filter(({ file }) => file.startsWith(`${target.folder}/`)));
    for (const source of target.sources) {
      const file = path.join(folder, source);
      for (const { source: mutated, ...mutant } of mutantsOf(readFileSync(file, 'utf8'))) {
        id += 1;
        const tested = await process.run({ id, folder, tests, file, source: mutated, mostCpu });
        const at = { ...mutant, file: `${target.folder}/${source}` };
        const known = [...unused].find((one) => isSame(one, at));
        if (known !== undefined) unused.delete(known);
        const outcome = tested.outcome === 'ended' ? 'killed' : tested.outcome;
        const by = tested.outcome === 'killed' ? tested.by : tested.outcome;
        const result: MutantResult = { ...at, outcome, by, reason: known?.reason };
        results.push(result);
        each(result);
      }
    }
    return { results, findings: findingsOf(results, unused) };
  } finally {
    process.close();
  }
}

function isSame(one: EquivalentMutant, other: Pick<MutantResult, 'file' | 'code' | 'from' | 'to'>): boolean {
  return one.file === other.file && one.code === other.code && one.from === other.from && one.to === other.to;
}

function findingsOf(results: readonly MutantResult[], unused: ReadonlySet<EquivalentMutant>): readonly string[] {
  const wrong = results.filter(({ reason, outcome }) => reason !== undefined && outcome !== 'survived');
  return [
    ...[...unused].map(({ file, code, from, to }) => `${file}: no mutant "${from}" -> "${to}" in "${code}"`),
    ...wrong.map(({ file, line, from, to, by }) => `${file}:${line}: "${from}" -> "${to}" is not equivalent (${by})`),
  ];
}
