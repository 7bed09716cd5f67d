import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

/**
 * Every code of this package. Wire input never makes the engine throw: the codes of conflicts and blocks stand in its
 * results, and their rows say what a person can do. Only `invalid_option` and the codes of reducers are thrown.
 */
export const applyErrors = {
  hash_differs: {
    recovery: 'stop',
    next: 'Two events claim one sequence: compare the chain with the host, then reset the stream if the host is right.',
  },
  passed_over: {
    recovery: 'resnapshot',
    next: 'The event came after a later one was applied: reset the stream to a floor and read it in order.',
  },
  payload_hash_mismatch: {
    recovery: 'retry',
    next: 'The event was damaged on its way: read the stream again from the watermark.',
  },
  idempotency_key_reused: {
    recovery: 'stop',
    next: 'The host gave one idempotency key two sequences: report it to the owner of the host.',
  },
  foreign_stream: { recovery: 'stop', next: 'Hand each event to the state of its own stream.' },
  invalid_seq: {
    recovery: 'stop',
    next: 'Sequences are from 1 to 2^63 - 1: report the event to the owner of the host.',
  },
  resets_exhausted: {
    recovery: 'ask-user',
    next: 'The stream was reset too often in a short time: look why its cursor goes stale, then unblock it.',
  },
  floor_behind_watermark: {
    recovery: 'ask-user',
    next: 'The host is behind what was applied in the same epoch: find out whether it lost data before unblocking.',
  },
  floor_chain_differs: {
    recovery: 'ask-user',
    next: 'The history of the host differs from the applied one in the same epoch: compare both before unblocking.',
  },
  reducer_failed: { recovery: 'stop', next: 'Correct the reducer: it threw the cause of this error.' },
  reducer_disagrees: {
    recovery: 'stop',
    next: 'Make the reducer pure: what stands at the path depends on time, chance or something outside of its input.',
  },
  reducer_changed_input: {
    recovery: 'stop',
    next: 'Return a new state instead of changing the one that was given: the path names what was changed.',
  },
  reducer_state_not_json: {
    recovery: 'stop',
    next: 'Keep the state plain JSON data: the path names what is not.',
  },
  invalid_option: { recovery: 'stop', next: 'Correct the option that the message names.' },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of codes of this package. */
export type ApplyErrorCode = keyof typeof applyErrors;

/** An error of this package. */
export class ApplyError extends CodedError<ApplyErrorCode> {
  override readonly name = 'ApplyError';

  constructor(code: ApplyErrorCode, message: string, options?: CodedErrorOptions) {
    super(applyErrors, code, message, options);
  }
}
