import type { GateCounts, Verdict } from '../../packages/cutover-flags/src/gates/gate.ts';
import type { GateCases } from './gate-map.ts';

/** What became of the process that ran the cases. */
export interface RunEnd {
  /** Null when a signal ended it. */
  readonly exit: number | null;
  /** The report of jest as text; undefined when there is none. */
  readonly report: string | undefined;
  /** What the cases recorded, one JSON text per line. */
  readonly facts: string;
}

/** What a run has shown. Times are milliseconds since the Unix epoch. */
export interface RunJudgement {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly counts: GateCounts;
  readonly case_names: readonly string[];
  readonly observed_from: number;
  readonly observed_to: number;
  readonly module_schema: string | null;
  readonly protocols: readonly string[];
  readonly measures: Readonly<Record<string, number>>;
}

/** A receipt takes no longer ones. */
const longestReason = 1000;

interface Case {
  readonly name: string;
  readonly status: string;
}

interface Suite {
  readonly file: string;
  readonly from: number;
  readonly to: number;
  readonly cases: readonly Case[];
  /** Why the file could not be run at all. */
  readonly broken: string | undefined;
}

/**
 * Judges what a run of the cases has shown. Pass needs a sound report in which every named file ran, no case failed,
 * none was skipped, and there were enough cases and events. A case that failed is a fail; everything else that is
 * missing is inconclusive.
 */
export function judgeRun(end: RunEnd, wanted: GateCases, now: number): RunJudgement {
  const suites = suitesOf(end.report);
  const facts = factsOf(end.facts);
  const cases = (suites ?? []).flatMap((suite) => suite.cases);
  const failed = cases.filter(({ status }) => status === 'failed');
  const passed = cases.filter(({ status }) => status === 'passed');
  const counts: GateCounts = {
    cases: passed.length + failed.length,
    failed: failed.length,
    skipped: cases.length - passed.length - failed.length,
    events: facts?.events ?? 0,
  };
  const judged = (verdict: Verdict, reason: string): RunJudgement => ({
    verdict,
    reason: reason.slice(0, longestReason),
    counts,
    case_names: [...passed, ...failed].map(({ name }) => name.slice(0, longestReason)),
    observed_from: Math.min(now, ...(suites ?? []).map(({ from }) => from)),
    observed_to: Math.max(...(suites?.length ? suites.map(({ to }) => to) : [now])),
    module_schema: facts?.schema ?? null,
    protocols: facts?.protocols ?? [],
    measures: facts?.measures ?? {},
  });
  const inconclusive = (reason: string) => judged('inconclusive', reason);

  if (suites === undefined) {
    return inconclusive(`The runner ended with ${end.exit ?? 'a signal'} and left no report that can be read.`);
  }
  if (failed.length > 0) {
    const more = failed.length > 1 ? `, and ${failed.length - 1} more` : '';
    return judged('fail', `Failed: ${failed[0]?.name}${more}.`);
  }
  const broken = suites.find((suite) => suite.broken !== undefined);
  if (broken !== undefined) return inconclusive(`${broken.file} could not be run: ${broken.broken}`);
  const missing = wanted.tests.find(
    (test) => !suites.some(({ file, cases: ran }) => file.endsWith(test) && ran.length > 0),
  );
  if (missing !== undefined) return inconclusive(`${missing} ran no case.`);
  if (counts.skipped > 0) {
    const skipped = cases.find(({ status }) => status !== 'passed');
    return inconclusive(`${counts.skipped} skipped, the first one: ${skipped?.name}.`);
  }
  if (counts.cases < wanted.minimum_cases) {
    return inconclusive(`${counts.cases} cases ran, at least ${wanted.minimum_cases} are needed.`);
  }
  if (end.exit !== 0) return inconclusive(`All cases passed, but the runner ended with ${end.exit ?? 'a signal'}.`);
  if (facts === undefined) return inconclusive('What the cases recorded cannot be read.');
  if (facts.schemas > 1) return inconclusive('The cases met modules with different schemas.');
  if (counts.events < wanted.minimum_events) {
    return inconclusive(`${counts.events} events were driven, at least ${wanted.minimum_events} are needed.`);
  }
  return judged('pass', `${counts.cases} cases passed over ${counts.events} events.`);
}

/** The test files of a jest report; undefined when it is not one. */
function suitesOf(report: string | undefined): readonly Suite[] | undefined {
  try {
    const { testResults } = JSON.parse(report ?? '') as { testResults: unknown };
    if (!Array.isArray(testResults) || testResults.length === 0) return undefined;
    return testResults.map(suiteOf);
  } catch {
    return undefined;
  }
}

function suiteOf(value: Record<string, unknown>): Suite {
  const { name, startTime, endTime, assertionResults, status, message } = value;
  if (typeof name !== 'string' || !Array.isArray(assertionResults)) throw new Error('not a report of jest');
  if (!Number.isFinite(startTime) || !Number.isFinite(endTime)) throw new Error('a file without times');
  const cases = assertionResults.map(({ fullName, status: became }: Record<string, unknown>): Case => {
    if (typeof fullName !== 'string' || typeof became !== 'string') throw new Error('a case without a name');
    return { name: fullName, status: became };
  });
  const failedCase = cases.some((one) => one.status === 'failed');
  const broken = status === 'failed' && !failedCase ? firstLine(String(message)) : undefined;
  return { file: name, from: startTime as number, to: endTime as number, cases, broken };
}

function firstLine(text: string): string {
  return (
    text
      .split('\n')
      .find((line) => line.trim() !== '' && !line.includes('●'))
      ?.trim() ?? 'no message'
  );
}

interface SumOfFacts {
  readonly events: number;
  readonly schema: string | undefined;
  readonly schemas: number;
  readonly protocols: readonly string[];
  readonly measures: Readonly<Record<string, number>>;
}

/** The sum of what was recorded; undefined when a line is not a sound record. */
function factsOf(text: string): SumOfFacts | undefined {
  const schemas = new Set<string>();
  const protocols = new Set<string>();
  const measures = new Map<string, number>();
  let events = 0;
  try {
    for (const line of text.split('\n').filter((one) => one !== '')) {
      const fact = JSON.parse(line) as Record<string, unknown>;
      if (!Number.isSafeInteger(fact.events) || (fact.events as number) < 0) return undefined;
      events += fact.events as number;
      if (typeof fact.module_schema === 'string') schemas.add(fact.module_schema);
      if (Array.isArray(fact.protocols)) for (const protocol of fact.protocols) protocols.add(String(protocol));
      for (const [name, value] of Object.entries(fact.measures ?? {})) {
        // No number is written as null; and of two that go by one name neither is known.
        if (typeof value !== 'number' || measures.has(name)) return undefined;
        measures.set(name, value);
      }
    }
  } catch {
    return undefined;
  }
  return {
    events,
    schema: [...schemas][0],
    schemas: schemas.size,
    protocols: [...protocols].sort(),
    measures: Object.fromEntries(measures),
  };
}
