import type { Ports, Scheduler } from '@autopilot/sync-contract';
import type { ConformanceCase } from './case.ts';
import { Difference, NotApplicable } from './expectation.ts';
import { type Section, sections } from './sections.ts';
import { MayNotPublish, type ServerUnderTest } from './server-under-test.ts';

/** What came of one case. */
export interface CaseResult {
  readonly id: string;
  readonly title: string;
  readonly section: Section & { readonly id: string };
  readonly outcome: 'pass' | 'fail' | 'not-applicable';
  /** What the server does instead, or why the case does not apply. */
  readonly reason: string | undefined;
  readonly milliseconds: number;
}

/** What came of all of them. */
export interface SuiteReport {
  readonly uri: string;
  readonly cases: readonly CaseResult[];
  readonly totals: { readonly pass: number; readonly fail: number; readonly notApplicable: number };
  /** `inconclusive` when no case has come to a pass or a fail. */
  readonly verdict: 'conforms' | 'differs' | 'inconclusive';
  /** Why nothing could be found out. */
  readonly trouble: string | undefined;
  /** Databases that could not be deleted. */
  readonly left: readonly string[];
}

/** Milliseconds after which a case that has not ended is given up. */
const longestCase = 60_000;

/** Runs cases one after the other and deletes what they have published. */
export async function runSuite(
  server: ServerUnderTest,
  cases: readonly ConformanceCase[],
  ports: Ports,
  told: (result: CaseResult) => void = () => undefined,
): Promise<SuiteReport> {
  const results: CaseResult[] = [];
  let trouble: string | undefined;
  for (const one of cases) {
    const started = ports.clock.monotonic();
    const ended = await outcomeOf(one, server, ports.scheduler);
    if (ended.outcome === 'trouble') {
      trouble = ended.reason;
      break;
    }
    const { id, title, section } = one;
    const milliseconds = Math.round(ports.clock.monotonic() - started);
    const result = { id, title, section: { id: section, ...sections[section] }, ...ended, milliseconds };
    results.push(result);
    told(result);
  }
  const left = await server.cleanUp().catch(() => ['unknown: the server did not answer']);
  const report = summary(server.uri, results);
  // What stopped midway has not shown that the rest is as it should be.
  const verdict = trouble !== undefined && report.verdict === 'conforms' ? 'inconclusive' : report.verdict;
  return { ...report, verdict, trouble, left };
}

function summary(uri: string, cases: readonly CaseResult[]): Omit<SuiteReport, 'trouble' | 'left'> {
  const count = (outcome: CaseResult['outcome']) => cases.filter((result) => result.outcome === outcome).length;
  const totals = { pass: count('pass'), fail: count('fail'), notApplicable: count('not-applicable') };
  const verdict = totals.fail > 0 ? 'differs' : totals.pass > 0 ? 'conforms' : 'inconclusive';
  return { uri, cases, totals, verdict };
}

async function outcomeOf(
  one: ConformanceCase,
  server: ServerUnderTest,
  scheduler: Scheduler,
): Promise<
  (Pick<CaseResult, 'outcome' | 'reason'> & { outcome: CaseResult['outcome'] }) | { outcome: 'trouble'; reason: string }
> {
  try {
    await inTime(one.run(server), scheduler);
    return { outcome: 'pass', reason: undefined };
  } catch (error) {
    if (error instanceof MayNotPublish) return { outcome: 'trouble', reason: error.message };
    if (error instanceof NotApplicable) return { outcome: 'not-applicable', reason: error.message };
    if (error instanceof Difference) return { outcome: 'fail', reason: error.message };
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND') {
      return { outcome: 'trouble', reason: `the server does not answer (${code})` };
    }
    return { outcome: 'fail', reason: `the case broke: ${error instanceof Error ? error.message : String(error)}` };
  } finally {
    server.closeClients();
  }
}

function inTime(work: Promise<void>, scheduler: Scheduler): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Difference(`it did not come to an end in ${longestCase} ms`));
    const cancel = scheduler.after(longestCase, giveUp);
    work.then(resolve, reject).finally(cancel);
  });
}
