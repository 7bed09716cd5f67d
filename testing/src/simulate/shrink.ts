import type { Disk } from './disk.ts';
import type { Plan } from './plan.ts';
import type { Violation } from './report.ts';
import { runPlan } from './run-plan.ts';
import type { Wiring } from './wiring.ts';

/** A plan that still breaks the same rule, with as few steps as leaving out shows. */
export async function shrink(plan: Plan, violation: Violation, disk: Disk, wiring?: Wiring): Promise<Plan> {
  let smallest = plan;
  const stillFails = async (candidate: Plan) => {
    const result = await runPlan(candidate, { disk, ...(wiring === undefined ? {} : { wiring }) });
    return result.violation?.rule === violation.rule;
  };
  // Halves first, then quarters, down to single steps, and again until nothing more can be left out.
  for (let size = Math.ceil(plan.steps.length / 2); size >= 1; ) {
    let found = false;
    for (let at = 0; at < smallest.steps.length; ) {
      const steps = smallest.steps.toSpliced(at, size);
      const candidate = { ...smallest, steps };
      if (await stillFails(candidate)) {
        smallest = candidate;
        found = true;
      } else {
        at += size;
      }
    }
    if (size > 1) size = Math.ceil(size / 2);
    else if (!found) break;
  }
  return smallest;
}
