import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';
import type { Ending } from './exit-codes.ts';

/** The codes that the command line itself gives; control's own are printed as they come. */
export const cliErrors = {
  usage: { recovery: 'stop', next: 'Run "cutover help COMMAND" to see how it is used.' },
  file_unreadable: { recovery: 'stop', next: 'Check the path, and that it may be read.' },
  file_invalid: { recovery: 'stop', next: 'Give a file of the form that the message names.' },
  file_unwritable: { recovery: 'stop', next: 'Choose a path that may be written.' },
  nothing_given: { recovery: 'stop', next: 'Run "pnpm gate" first, or give the folder that holds the receipts.' },
  control_unreachable: { recovery: 'retry', next: 'Check the URL and that control runs, then run the command again.' },
  answer_lost: { recovery: 'retry', next: 'Run the command again with the same key: it is done once.' },
  not_control: { recovery: 'ask-user', next: 'Correct --control: what answers there is not control.' },
  flip_not_done: { recovery: 'ask-user', next: 'Read the status for the reason, and plan again.' },
  internal: { recovery: 'stop', next: 'Report it with the command and the message.' },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of codes of the command line. */
export type CliErrorCode = keyof typeof cliErrors;

const endings: Readonly<Record<CliErrorCode, Ending>> = {
  usage: 'usage',
  file_unreadable: 'usage',
  file_invalid: 'usage',
  file_unwritable: 'usage',
  nothing_given: 'refused',
  control_unreachable: 'unreachable',
  answer_lost: 'unreachable',
  not_control: 'unreachable',
  flip_not_done: 'refused',
  internal: 'refused',
};

/** An error of the command line. */
export class CliError extends CodedError<CliErrorCode> {
  override readonly name = 'CliError';
  readonly ending: Ending;

  /** `next` replaces the sentence of the table where more is known. */
  constructor(code: CliErrorCode, message: string, options: CodedErrorOptions & { readonly next?: string } = {}) {
    super(cliErrors, code, message, options);
    this.ending = endings[code];
    if (options.next !== undefined) Object.assign(this, { next: options.next });
  }
}

/** A refusal as control answered it. */
export class ControlRefusal extends Error {
  readonly code: string;
  readonly next: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly ending: Ending;

  constructor(
    body: { readonly code: string; readonly message: string; readonly next: string; readonly details?: object },
    ending: Ending,
  ) {
    super(body.message);
    this.code = body.code;
    this.next = body.next;
    this.details = { ...body.details };
    this.ending = ending;
  }
}
