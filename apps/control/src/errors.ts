import { cutoverErrors } from '@autopilot/cutover-flags';
import { CodedError, type CodedErrorOptions, type ErrorSpec, syncErrors } from '@autopilot/sync-contract';

/** The codes of the contract and of the cutover, and those that only control gives. */
export const controlErrors = {
  ...cutoverErrors,
  ...syncErrors,
  usage: { recovery: 'stop', next: 'Correct the command line; the README lists every option.' },
  port_in_use: { recovery: 'stop', next: 'End the program that holds the port, or choose another one with --listen.' },
  listen_failed: { recovery: 'stop', next: 'Choose an address of this machine with --listen HOST:PORT.' },
  data_dir_unusable: { recovery: 'stop', next: 'Give a folder that this user may write, used by no other control.' },
  clients_file_invalid: { recovery: 'stop', next: 'Correct the clients file as the message says; see the README.' },
  bundle_unreadable: { recovery: 'stop', next: 'Build the module and give the path of its bundle with --publish.' },
  issuer_changed: {
    recovery: 'stop',
    next: 'Start with the stored issuer. A new issuer needs a new data folder and a newly published database.',
  },
  store_unavailable: { recovery: 'retry', next: 'Check the data folder or the PostgreSQL server, then try again.' },
  database_unavailable: {
    recovery: 'retry',
    next: 'Start the SpacetimeDB host, or correct --spacetime and --database.',
  },
  database_refused: {
    recovery: 'stop',
    next: 'Publish the database with the owner that --print-owner-identity prints.',
  },
  publish_refused: {
    recovery: 'stop',
    next: 'Read the reason of the host; a database belongs to the one who made it.',
  },
  khala_secret_unreadable: {
    recovery: 'stop',
    next: 'Give the path of a file with the secret with --khala-secret-file.',
  },
  gate_keys_invalid: {
    recovery: 'stop',
    next: 'Correct the gate keys file as the message says; see docs/cutover-api.md.',
  },
  config_invalid: {
    recovery: 'stop',
    next: 'Correct the cutover configuration as the message says.',
  },
  bridge_config_invalid: {
    recovery: 'stop',
    next: 'Correct the configuration of the bridge as the message says; the README tells what it holds.',
  },
  clock_rate_changed: {
    recovery: 'stop',
    next: 'Start with the stored rate. Another rate needs a new data folder: evidence must not change its clock.',
  },
  nothing_to_leave: {
    recovery: 'stop',
    next: 'Start control with --khala: the stored cutover is in a stage that still needs khala.',
  },
  khala_not_installed: {
    recovery: 'stop',
    next: 'Start without --khala, or use a build that holds the khala lane.',
  },
  not_found: { recovery: 'stop', next: 'Check the path and the method; the README lists the endpoints.' },
  unsupported_media_type: { recovery: 'stop', next: 'Send the body as application/json.' },
  outbox_full: { recovery: 'retry', next: 'Wait until the outbox has drained, then send the same request again.' },
  event_forged: { recovery: 'stop', next: 'Sign the event with the key that it names, and send it as it was signed.' },
  event_unfit: {
    recovery: 'stop',
    next: 'Make the event as docs/nostr-keys.md has it, with the challenge as it was given, and sign it again.',
  },
  event_out_of_time: {
    recovery: 'retry',
    next: 'Set the clock of this machine and sign a new event: created_at must be within a minute of now.',
  },
  challenge_unknown: { recovery: 'retry', next: 'Ask for a challenge with POST /v1/nostr/challenges and sign that.' },
  challenge_expired: { recovery: 'retry', next: 'Ask for a new challenge, and sign and send it within five minutes.' },
  challenge_used: { recovery: 'retry', next: 'Look whether the key is bound; if not, sign a new challenge.' },
  challenge_foreign: { recovery: 'stop', next: 'Ask for a challenge as the client that the key is to belong to.' },
  keys_full: {
    recovery: 'ask-user',
    next: 'Release one of the keys with DELETE /v1/nostr/bindings/:pubkey, then bind this one by a new challenge.',
  },
  rotation_too_early: { recovery: 'retry', next: 'Wait until the next key has been published for ten minutes.' },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of codes that control answers and prints. */
export type ControlErrorCode = keyof typeof controlErrors;

/** An error of the control service. */
export class ControlError extends CodedError<ControlErrorCode> {
  override readonly name = 'ControlError';

  constructor(code: ControlErrorCode, message: string, options?: CodedErrorOptions) {
    super(controlErrors, code, message, options);
  }
}

/** Whether a text is a code of control. */
export function isControlErrorCode(value: string): value is ControlErrorCode {
  return Object.hasOwn(controlErrors, value);
}
