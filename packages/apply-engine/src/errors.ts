import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

/**
 * Every code of this package. Wire input never makes the engine throw: the codes of conflicts and blocks stand in its
 * results, and their rows say what a person can do. Only `invalid_option` is thrown.
 */
export const applyErrors = {
  hash_differs: {
    recovery: 'stop',
    next: 'Two events claim one sequence: compare the chain with the host, then reset the stream if the host is right.',
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
