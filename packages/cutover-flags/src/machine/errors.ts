import type { ErrorSpec } from '@autopilot/sync-contract';

/** Refusals of the machine, and of receipts and configuration. Spread into the table of the package. */
export const machineErrors = {
  invalid_config: { recovery: 'stop', next: 'Correct the member of the configuration that the message names.' },
  invalid_command: { recovery: 'stop', next: 'Correct the member of the command that the message names.' },
  state_conflict: {
    recovery: 'ask-user',
    next: 'Somebody else changed the cutover: read its status, decide again, and send the new revision.',
  },
  idempotency_conflict: { recovery: 'stop', next: 'Use a new idempotency key: this one names another command.' },
  not_now: { recovery: 'ask-user', next: 'Read the status: this command has no place in the state the cutover is in.' },
  wrong_stage: { recovery: 'ask-user', next: 'Read the status: this command belongs to another stage.' },
  stage_skipped: { recovery: 'ask-user', next: 'Go forward one stage at a time.' },
  sealed: { recovery: 'stop', next: 'Stage 3 is sealed: only a release that is reverted brings khala back.' },
  unknown_id: { recovery: 'ask-user', next: 'Read the status for the ids that there are.' },
  plan_not_ready: { recovery: 'ask-user', next: 'Do what the next steps of the plan say, then ask again.' },
  evidence_missing: { recovery: 'ask-user', next: 'Run the gates that the details name and submit their receipts.' },
  evidence_stale: {
    recovery: 'ask-user',
    next: 'Run the gates that the details name again: their receipts are too old.',
  },
  evidence_inconclusive: {
    recovery: 'ask-user',
    next: 'Run the gates that the details name again, on the versions in use and with enough samples.',
  },
  gate_failed: { recovery: 'ask-user', next: 'Repair what the failed gates found, then run them again.' },
  empty_target: {
    recovery: 'ask-user',
    next: 'Check the mirror into spacetime: it has no events, no heads or no units.',
  },
  no_way_back: { recovery: 'ask-user', next: 'Make sure that khala answers, and submit a fresh rollback drill.' },
  held: { recovery: 'ask-user', next: 'Look at what the hold names; release it when it is understood.' },
  cooling_down: { recovery: 'retry', next: 'Wait until the time that the details name, then ask again.' },
  own_approval: { recovery: 'ask-user', next: 'Ask somebody else than the requester to approve.' },
  already_approved: { recovery: 'ask-user', next: 'Ask somebody else: each person approves once.' },
  approvals_missing: { recovery: 'ask-user', next: 'Ask for the approvals that are missing.' },
  plan_changed: {
    recovery: 'ask-user',
    next: 'Read the plan again: evidence, configuration or state changed. Approvals of the old plan are void.',
  },
  not_due: { recovery: 'retry', next: 'Wait: nothing has run out of time yet.' },
  not_waivable: { recovery: 'stop', next: 'Run the gate: it cannot be waived.' },
  too_long: { recovery: 'ask-user', next: 'Choose an earlier time of expiry: the message says the latest.' },
  second_person: { recovery: 'ask-user', next: 'Ask somebody else than the one who answers for it.' },
  invalid_observation: { recovery: 'stop', next: 'Correct the member of the observation that the message names.' },
  invalid_key: { recovery: 'ask-user', next: 'Use an Ed25519 or P-256 key as JWK, a private one for signing.' },
  receipt_malformed: { recovery: 'stop', next: 'Send a DSSE envelope as createReceipt makes it.' },
  receipt_payload_type: { recovery: 'stop', next: 'Send an envelope of payload type application/vnd.in-toto+json.' },
  receipt_untrusted_key: { recovery: 'ask-user', next: 'Sign with a key that is trusted, or have the key added.' },
  receipt_bad_signature: { recovery: 'stop', next: 'Run the gate again: the receipt was changed after it was signed.' },
  receipt_gate_not_allowed: { recovery: 'ask-user', next: 'Sign with a key that may speak for this gate.' },
  receipt_statement: {
    recovery: 'stop',
    next: 'Send an in-toto Statement v1 whose subject are the packages that ran.',
  },
} as const satisfies Record<string, ErrorSpec>;
