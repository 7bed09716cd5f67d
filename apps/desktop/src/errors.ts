import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

/** Every error of the desktop. What keeps running and needs a look is an alarm instead: see view-model/alarms.ts. */
export const desktopErrors = {
  usage: { recovery: 'ask-user', next: 'Run with --help to see the options.' },
  port_taken: {
    recovery: 'ask-user',
    next: 'Choose another port with --listen, or end the program that uses this one.',
  },
  listen_failed: { recovery: 'ask-user', next: 'Choose an address of this machine with --listen, e.g. 127.0.0.1:0.' },
  secret_unreadable: {
    recovery: 'ask-user',
    next: 'Give --client-secret-file a file that this user can read, with the secret as its only line.',
  },
  data_dir_unusable: {
    recovery: 'ask-user',
    next: 'Give --data-dir a folder that this user can write, or correct the rights of this one.',
  },
  data_dir_locked: {
    recovery: 'ask-user',
    next: 'Another desktop uses this data folder: end it, or give this one a --data-dir of its own.',
  },
  store_foreign: {
    recovery: 'ask-user',
    next: 'Install the version that wrote this data folder, or start with another --data-dir: it was left as it is.',
  },
  null_run_refused: {
    recovery: 'ask-user',
    next: 'Give --khala to a build that holds the khala lane, or leave --null-run khala away.',
  },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of codes of the desktop. */
export type DesktopErrorCode = keyof typeof desktopErrors;

/** An error of the desktop. */
export class DesktopError extends CodedError<DesktopErrorCode> {
  override readonly name = 'DesktopError';

  constructor(code: DesktopErrorCode, message: string, options?: CodedErrorOptions) {
    super(desktopErrors, code, message, options);
  }
}
