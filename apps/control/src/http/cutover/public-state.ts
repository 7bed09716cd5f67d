import { type CutoverState, stageNames } from '@autopilot/cutover-flags';

/** The state as it is answered: without the answers to commands that were given before. */
export function publicState({ answers: _answers, ...state }: CutoverState) {
  return { ...state, stage_name: stageNames[state.stage], sealed: state.status === 'sealed' };
}
