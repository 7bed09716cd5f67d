import type { Disk } from './disk.ts';
import { makePlan } from './make-plan.ts';
import { runPlan } from './run-plan.ts';
import { addResult, emptySummary, type Summary } from './summary.ts';

/** Runs seeds one after the other in this thread. */
export async function runSeeds(from: number, count: number, disk: Disk): Promise<Summary> {
  const summary = emptySummary();
  for (let seed = from; seed < from + count; seed += 1) {
    const plan = makePlan(seed);
    addResult(summary, await runPlan(plan, { disk }), plan);
  }
  return summary;
}
