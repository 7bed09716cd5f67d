import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';
import { machineErrors } from './machine/errors.ts';

/** Rulebook and cohorts. */
const ruleErrors = {
  toggle_refused: {
    recovery: 'ask-user',
    next: 'Unset the variable that the message names: Stage 3 has one lane and no toggle (S3.2).',
  },
  invalid_cohort: { recovery: 'stop', next: 'Correct the value that the message names.' },
} as const satisfies Record<string, ErrorSpec>;

/** Policy document, admission and cache. */
const policyErrors = {
  invalid_policy: {
    recovery: 'stop',
    next: 'Correct the field that the path in details names; nothing was taken over.',
  },
  unknown_schema: { recovery: 'ask-user', next: 'Install a version that knows this form of policy document.' },
  bad_signature: { recovery: 'retry', next: 'Fetch keys and document again; if it stays, do not trust the sender.' },
  unknown_key: { recovery: 'retry', next: 'Fetch the key set of control again, then verify again.' },
  wrong_deployment: {
    recovery: 'ask-user',
    next: 'Use the control service of this deployment: this document is of another.',
  },
  wrong_unit: { recovery: 'stop', next: 'Ask control for the admission of this unit.' },
  wrong_rollout: { recovery: 'retry', next: 'Fetch policy and admission again: they are of two rollouts.' },
  stale_revision: {
    recovery: 'retry',
    next: 'Keep the policy that is held: this one is older. Fetch the current one.',
  },
  revision_conflict: {
    recovery: 'ask-user',
    next: 'Two documents claim one revision: keep the first, and look in the audit log of control for who signed the other.',
  },
  cache_corrupt: { recovery: 'retry', next: 'Fetch the policy from control; until then the safe lane is used.' },
  cache_unavailable: {
    recovery: 'retry',
    next: 'Make the cache file readable and writable; until then the policy is in memory only.',
  },
} as const satisfies Record<string, ErrorSpec>;

/** Every code of this package. A call that throws one of them has changed nothing. */
export const cutoverErrors = { ...ruleErrors, ...policyErrors, ...machineErrors } as const satisfies Record<
  string,
  ErrorSpec
>;

/** The closed union of codes of this package. */
export type CutoverErrorCode = keyof typeof cutoverErrors;

/** An error of this package. */
export class CutoverError extends CodedError<CutoverErrorCode> {
  override readonly name = 'CutoverError';

  constructor(code: CutoverErrorCode, message: string, options?: CodedErrorOptions) {
    super(cutoverErrors, code, message, options);
  }
}
