/** What is mutated, and by which tests: fast ones, without processes of their own, the cheapest first. */
export interface Target {
  /** From the root of the repository. */
  readonly folder: string;
  readonly sources: readonly string[];
  readonly tests: readonly string[];
}

/** A mutant that no test can tell from the code, because both do the same. The list is `equivalent.json`. */
export interface EquivalentMutant {
  readonly file: string;
  /** The line it is on, without the white space around it. */
  readonly code: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

const tests = (...names: readonly string[]) => names.map((name) => `test/${name}.test.ts`);
const sources = (...names: readonly string[]) => names.map((name) => `src/${name}.ts`);

/** The parts that decide: everything else does what they say. */
export const targets: Readonly<Record<string, Target>> = {
  'apply-engine': {
    folder: 'packages/apply-engine',
    sources: sources(
      ...['decision-table', 'decide', 'apply-batch', 'apply-straight', 'reorder-buffer', 'in-order', 'stream-state'],
      ...['reset', 'compare-head', 'alarm', 'reduce', 'json-difference', 'world'],
    ),
    tests: tests('decide', 'apply-batch', 'gaps', 'compare-head', 'reset', 'alarm', 'reduce', 'spec', 'properties'),
  },
  checkpoint: {
    folder: 'packages/checkpoint',
    sources: sources(
      ...['opening-table', 'validate', 'verify', 'trim', 'compact', 'refusals', 'listeners'],
      ...['memory-content', 'memory-store', 'memory'],
    ),
    tests: tests('spec', 'validate', 'verify', 'refusals', 'memory', 'conformance-memory', 'compact', 'twins'),
  },
  session: { folder: 'packages/session', sources: sources('transitions'), tests: tests('transitions') },
};
