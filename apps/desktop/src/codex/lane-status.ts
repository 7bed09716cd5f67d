import type { CodexErrorCode } from './errors.ts';

/** Where the lane is. `disconnected`: the source went away and the lane is about to try again. */
export type CodexLaneState = 'starting' | 'ready' | 'error' | 'disconnected' | 'stopped';

/** The lifecycle of the lane as everybody sees it. */
export interface CodexLaneStatus {
  readonly feed: 'recorded' | 'codex' | 'none';
  readonly state: CodexLaneState;
  /** Milliseconds since the Unix epoch. */
  readonly since_ms: number;
  /** Present in `error` and `disconnected`, and in `ready` after a turn that failed. */
  readonly error?: { readonly code: CodexErrorCode; readonly message: string; readonly next: string };
  /** For a person: what was declined, what was resumed, what Codex tries again. The newest last, at most 20. */
  readonly notes: readonly string[];
  /** Protocol messages journalled by this lane since its start. */
  readonly messages: number;
  /** Whole replays (`recorded`) or turns completed without a failure (`codex`) so far. */
  readonly completed: number;
  /** Approval requests by their answer. */
  readonly approvals: { readonly accepted: number; readonly declined: number };
  /** True when the feed has no more to give: a single replay is over, the turn of the prompt is over. */
  readonly finished: boolean;
}

/** A running lane. */
export interface CodexLane {
  status(): CodexLaneStatus;
  /** Ends the source; resolves when nothing of the lane is left running. The journal stays open. */
  stop(): Promise<void>;
}
