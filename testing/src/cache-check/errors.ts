import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

const cacheCheckErrors = {
  usage: { recovery: 'ask-user', next: 'Run `pnpm check:cache --help` for the options.' },
  database_exists: { recovery: 'ask-user', next: 'Name another one with --database: the check fills one of its own.' },
  server_refused: { recovery: 'ask-user', next: 'See what the server says, and its log.' },
  server_unreachable: { recovery: 'retry', next: 'Start the server, or correct --uri.' },
  process_failed: { recovery: 'ask-user', next: 'Read the lines of that process above.' },
  no_progress: { recovery: 'retry', next: 'Give it a less busy machine, fewer subscribers or a lower rate.' },
} as const satisfies Record<string, ErrorSpec>;

export type CacheCheckErrorCode = keyof typeof cacheCheckErrors;

/** Why a check could not be made; `message` is one line for a person. */
export class CacheCheckError extends CodedError<CacheCheckErrorCode> {
  override readonly name = 'CacheCheckError';

  constructor(code: CacheCheckErrorCode, message: string, options?: CodedErrorOptions) {
    super(cacheCheckErrors, code, message, options);
  }
}
