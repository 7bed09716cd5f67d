import type { JobInput } from './job-states.ts';

/**
 * NIP-90 as data, of one version of its text: kinds, statuses and tags change, and a version that is stored with nothing
 * else must still be readable.
 */
export const nip90 = {
  /** The text that these follow. */
  version: '2026-11',
  firstRequest: 5_000,
  lastRequest: 5_999,
  /** From the kind of a request to that of its result. */
  resultOffset: 1_000,
  feedback: 7_000,
  /** NIP-09: how a customer takes a request back. */
  deletion: 5,
  tags: {
    input: 'i',
    output: 'output',
    param: 'param',
    bid: 'bid',
    relays: 'relays',
    provider: 'p',
    customer: 'p',
    request: 'request',
    event: 'e',
    amount: 'amount',
    status: 'status',
    encrypted: 'encrypted',
    expiration: 'expiration',
  },
} as const;

/** What each status of a feedback means for a job. `success` says nothing that the result does not. */
export const feedbackInputs: Readonly<Record<string, JobInput | undefined>> = {
  'payment-required': 'quote',
  processing: 'start',
  partial: 'progress',
  error: 'fail',
  success: undefined,
};

/** Whether a kind is that of a request. */
export function isRequestKind(kind: number): boolean {
  return kind >= nip90.firstRequest && kind <= nip90.lastRequest;
}
