import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

/**
 * How to install the optional Codex package, at the root of the repository: it is about 400 MB and therefore no part of
 * the default install. It works with and without a pnpm of one's own.
 */
export const installCodexCommand = 'npx --yes pnpm@12.21.0 --filter @autopilot/desktop add -O @openai/codex@0.169.0';

/** Every error of the local Codex lane. */
export const codexErrors = {
  codex_not_installed: {
    recovery: 'ask-user',
    next: `Install Codex with \`${installCodexCommand}\`, or name its program with CODEX_BIN.`,
  },
  work_dir_unusable: {
    recovery: 'ask-user',
    next: 'Name an existing folder that you may write to with --codex-dir, or leave the option out.',
  },
  journal_locked: {
    recovery: 'ask-user',
    next: 'Another desktop uses this journal: end it, or choose another data folder.',
  },
  journal_unusable: {
    recovery: 'ask-user',
    next: 'Check that the file is a journal and that its folder can be written; move a damaged file away, do not delete it.',
  },
  recording_unusable: {
    recovery: 'ask-user',
    next: 'Name a recording made by record-codex.ts, one JSON object a line.',
  },
  lane_options: { recovery: 'ask-user', next: 'Give the option that the message names.' },
  request_timeout: { recovery: 'retry', next: 'Look whether Codex still works, then send the command again.' },
  request_refused: { recovery: 'ask-user', next: 'Read what Codex answered and correct the command.' },
  turn_failed: {
    recovery: 'ask-user',
    next: 'Read what Codex said; run `codex login` when it is not logged in. Then start again.',
  },
  server_gone: { recovery: 'retry', next: 'Wait until the lane is ready again, then send the command again.' },
  restarts_exhausted: {
    recovery: 'ask-user',
    next: 'Run the Codex program by hand to see why it ends, then start again.',
  },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of codes of the lane. */
export type CodexErrorCode = keyof typeof codexErrors;

/** An error of the local Codex lane. */
export class CodexError extends CodedError<CodexErrorCode> {
  override readonly name = 'CodexError';

  constructor(code: CodexErrorCode, message: string, options?: CodedErrorOptions) {
    super(codexErrors, code, message, options);
  }
}
