import type { PlanTarget } from '@autopilot/cutover-flags';
import type { CommandSpec } from '../command.ts';
import type { PlanAnswer } from '../control/answers.ts';
import type { Args } from '../line/args.ts';
import { showPlan } from '../view/plan-view.ts';

/** What `--to` or `--percent` asks for. */
export function readTarget(args: Args): PlanTarget {
  if (args.oneOf('to', 'percent') === 'percent') return { percent: args.percent('percent') ?? 0 };
  return args.target('to') ?? 'sealed';
}

/** `cutover plan` */
export const plan: CommandSpec = {
  name: 'plan',
  summary: 'What a step would do, everything it needs, every value; changes nothing.',
  usage: ['plan --to 0|1|2|3|sealed', 'plan --percent P'],
  options: {
    to: { value: 'STAGE', text: 'A stage, or "sealed".' },
    percent: { value: 'P', text: 'A share of the units, in Stage 1.' },
  },
  arguments: [0, 0],
  read: (args) => {
    const to = readTarget(args);
    return async (call) => {
      const answer = await call.control().send<PlanAnswer>('POST', 'plan', { to });
      const { plan } = answer;
      return { ending: plan.ready ? 'done' : 'refused', result: answer, show: (page) => showPlan(page, plan) };
    };
  },
};
