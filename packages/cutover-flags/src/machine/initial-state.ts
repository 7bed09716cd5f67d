import type { Stage } from '../stage.ts';
import type { CutoverState } from './state.ts';

/** What a new cutover begins with. */
export interface InitialStateOptions {
  readonly deployment: string;
  /** Of the cohorts; fixed for the life of the rollout. */
  readonly salt: string;
  /** 0 where there is a khala to leave, 2 where there is none. */
  readonly stage: Extract<Stage, 0 | 2>;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** The state of a cutover that nothing has happened to: revision 1. */
export function initialState(_options: InitialStateOptions): CutoverState {
  throw new Error('not yet');
}
