import { CodedError, type CodedErrorOptions, type ErrorSpec } from '@autopilot/sync-contract';

/** What can go wrong when the host is started, asked or called. Errors of the database itself: `engineErrors`. */
export const hostErrors = {
  usage: { recovery: 'stop', next: 'Run spacetime-embedded --help to see the options.' },
  invalid_listen_address: { recovery: 'stop', next: 'Write the address as HOST:PORT, for example 127.0.0.1:3000.' },
  invalid_database_name: {
    recovery: 'stop',
    next: 'Use a name of lowercase letters and digits, in groups joined by single hyphens.',
  },
  invalid_identity: { recovery: 'stop', next: 'Give the identity as 64 hex digits; it begins with c200.' },
  port_taken: { recovery: 'ask-user', next: 'Stop the program that listens there, or listen on another port.' },
  listen_failed: { recovery: 'ask-user', next: 'Listen on an address and port that this user may use.' },
  module_unreadable: { recovery: 'ask-user', next: 'Check the path of the module bundle, then start again.' },
  data_dir_unusable: {
    recovery: 'ask-user',
    next: 'Check that the data directory can be read and written and has free space, then start again.',
  },
  key_unusable: {
    recovery: 'ask-user',
    next: 'Restore the server key from a copy, or remove it: then every token that was issued stops working.',
  },
  sql_syntax: { recovery: 'stop', next: 'Correct the statement; SPEC.md has the grammar.' },
  sql_unsupported: { recovery: 'stop', next: 'Use what SPEC.md lists as supported, or a full SpacetimeDB server.' },
  no_such_table: { recovery: 'stop', next: 'Check the name; private tables exist only for the owner.' },
  no_such_column: { recovery: 'stop', next: 'Check the name against the schema of the database.' },
  sql_type: { recovery: 'stop', next: 'Compare the column with a literal of its own type.' },
  sql_conflict: { recovery: 'stop', next: 'Change the values, or delete the rows that they conflict with.' },
  sql_row_limit: {
    recovery: 'stop',
    next: 'Narrow the query by what an index finds, or let the owner of the database raise its row_limit.',
  },
  token_rejected: { recovery: 'refresh-token', next: 'Get a new token from its issuer and try again.' },
  issuer_unavailable: {
    recovery: 'retry',
    next: 'Check that the issuer of the token answers its discovery document and its keys, then try again.',
  },
  update_refused: {
    recovery: 'stop',
    next: 'Publish a module whose tables can take over the rows, or publish it with clear=true, without them.',
  },
  closed: { recovery: 'stop', next: 'Start the host again.' },
  invalid_arguments: { recovery: 'stop', next: 'Send the arguments that the schema of the function names.' },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of the host's error codes. */
export type HostErrorCode = keyof typeof hostErrors;

/** An error of the host. */
export class HostError extends CodedError<HostErrorCode> {
  override readonly name = 'HostError';

  constructor(code: HostErrorCode, message: string, options?: CodedErrorOptions) {
    super(hostErrors, code, message, options);
  }
}
