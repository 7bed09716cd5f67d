import type { AuditPlace } from '../audit/record.ts';
import type { CutoverState } from './state.ts';

/** Where a state stands. */
export function placeOf(state: CutoverState): AuditPlace {
  return { stage: state.stage, percent: state.cohort.percent, sealed: state.status === 'sealed' };
}
