import type { CutoverError } from '../errors.ts';
import type { CutoverEvent, CutoverState } from './state.ts';

/** What became of a command. A refused one has changed nothing. */
export type TransitionResult =
  | {
      readonly ok: true;
      readonly state: CutoverState;
      /** To be appended to the audit log, in this order, together with the state. Empty for a replay. */
      readonly events: readonly CutoverEvent[];
      /** The revision that the command led to; of a replay, the one it led to at first. */
      readonly revision: number;
      /** The same command was done before under the same key; `answered` holds the events it had then. */
      readonly replayed: boolean;
      readonly answered: readonly CutoverEvent[];
    }
  | { readonly ok: false; readonly refusal: CutoverError };
