import type { CommandSpec } from '../command.ts';
import type { ParityAnswer, StatusAnswer } from '../control/answers.ts';
import { showStatus } from '../view/status-view.ts';

/** `cutover status` */
export const status: CommandSpec = {
  name: 'status',
  summary: 'Stage, rules, cohort, gates, parity, drift, holds, fallback, next steps.',
  usage: ['status'],
  options: {},
  arguments: [0, 0],
  read: () => async (call) => {
    const control = call.control();
    const answer = await control.get<StatusAnswer>('status');
    const parity = await control.get<ParityAnswer>('parity');
    return { ending: 'done', result: { ...answer, parity }, show: (page) => showStatus(page, answer, parity) };
  },
};
