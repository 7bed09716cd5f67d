import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

export const launchErrors = {
  usage: { recovery: 'ask-user', next: 'Run `npm start -- --help` for the options.' },
  data_dir_unusable: { recovery: 'ask-user', next: 'Choose a folder you may write to with --data-dir.' },
  port_taken: { recovery: 'ask-user', next: 'Stop what listens there, or choose another port.' },
  codex_not_installed: { recovery: 'ask-user', next: 'Nothing was started. Start again once Codex is there.' },
  codex_dir_unusable: { recovery: 'ask-user', next: 'Nothing was started. Choose another folder with --codex-dir.' },
  part_failed: { recovery: 'ask-user', next: 'Read the lines of that part above.' },
  verification_failed: { recovery: 'stop', next: 'Keep the data folder and look at the streams named above.' },
  gates_failed: { recovery: 'ask-user', next: 'Run `pnpm gate` and repair what it names.' },
  no_progress: { recovery: 'stop', next: 'Look at the log of the part that stands still.' },
} as const satisfies Record<string, ErrorSpec>;

export type LaunchErrorCode = keyof typeof launchErrors;

/** An error of the launcher; `message` is one line for a person. */
export class LaunchError extends CodedError<LaunchErrorCode> {
  override readonly name = 'LaunchError';

  constructor(code: LaunchErrorCode, message: string, options?: CodedErrorOptions) {
    super(launchErrors, code, message, options);
  }
}
