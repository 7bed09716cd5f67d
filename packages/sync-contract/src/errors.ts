/** What a caller can do about an error. */
export type Recovery = 'retry' | 'refresh-token' | 'resnapshot' | 'ask-user' | 'stop';

/** One row of an error table: what the caller can do, and the sentence that tells a person so. */
export interface ErrorSpec {
  readonly recovery: Recovery;
  readonly next: string;
}

/** Options of every coded error. */
export interface CodedErrorOptions {
  readonly cause?: unknown;
  /** Structured facts of this occurrence: plain JSON values, no secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The shape of every error of this project: a stable `code` out of a closed union, a `recovery`, and a sentence with
 * what to do next. Decide by `code` or `recovery`, never by `message`.
 */
export abstract class CodedError<Code extends string> extends Error {
  readonly code: Code;
  readonly recovery: Recovery;
  readonly next: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(table: Readonly<Record<Code, ErrorSpec>>, code: Code, message: string, options: CodedErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.recovery = table[code].recovery;
    this.next = table[code].next;
    this.details = options.details ?? {};
  }
}

/** Whether a value is one of this project's coded errors, whichever copy of the class made it. */
export function isCodedError(value: unknown): value is CodedError<string> {
  if (typeof value !== 'object' || value === null) return false;
  const candidate = value as Record<string, unknown>;
  return (
    typeof candidate.code === 'string' && typeof candidate.recovery === 'string' && typeof candidate.next === 'string'
  );
}

/** The codes that cross a boundary between processes: module, control, session and desktop all speak them. */
export const syncErrors = {
  unauthorized: { recovery: 'refresh-token', next: 'Ask control for a new token and connect again.' },
  token_expired: { recovery: 'refresh-token', next: 'Ask control for a new token and connect again.' },
  token_not_yet_valid: { recovery: 'retry', next: 'Check the clock of this machine, then try again.' },
  forbidden: { recovery: 'ask-user', next: 'Ask the owner of the stream for a grant, or use an account that has one.' },
  unknown_stream: { recovery: 'ask-user', next: 'Check the stream id; nothing has been published to it yet.' },
  stale_cursor: { recovery: 'resnapshot', next: 'Take a snapshot of the stream and continue from there.' },
  epoch_changed: { recovery: 'resnapshot', next: 'The stream was rebuilt: take a snapshot of the new epoch.' },
  sequence_conflict: {
    recovery: 'retry',
    next: 'Read the head of the stream and send the event with the next sequence.',
  },
  idempotency_conflict: { recovery: 'stop', next: 'Use a new idempotency key: this one names another payload.' },
  conflict: {
    recovery: 'ask-user',
    next: 'Somebody else has what the message names: use another one, or have it released first.',
  },
  payload_hash_mismatch: {
    recovery: 'stop',
    next: 'Compute payload_hash over the canonical payload and send it again.',
  },
  not_canonical: { recovery: 'stop', next: 'Send the payload as RFC 8785 canonical JSON.' },
  payload_too_large: { recovery: 'stop', next: 'Send a smaller payload, or a reference to where it is stored.' },
  unrepresentable: { recovery: 'stop', next: 'Change the value named by the path to one that JSON can carry exactly.' },
  invalid_request: { recovery: 'stop', next: 'Correct the field that the message names and send the request again.' },
  invalid_topic: { recovery: 'stop', next: 'Use a topic of well-formed Unicode text.' },
  invalid_stream_id: { recovery: 'stop', next: 'Use a stream id made by streamIdForTopic.' },
  invalid_client_build: { recovery: 'ask-user', next: 'Send a build id of the form YYYYMMDDTHHMMSSZ.' },
  unsupported_protocol_version: {
    recovery: 'ask-user',
    next: 'Install a client that speaks a protocol version of the window.',
  },
  unsupported_schema_version: { recovery: 'ask-user', next: 'Install a client whose schema version is in the window.' },
  upgrade_required: { recovery: 'ask-user', next: 'Install a newer client.' },
  unsupported_client_build: {
    recovery: 'ask-user',
    next: 'This client is newer than the service: install the build the service supports.',
  },
  rate_limited: { recovery: 'retry', next: 'Wait as long as retry_after says and try again.' },
  unavailable: { recovery: 'retry', next: 'Wait a moment and try again.' },
  internal: { recovery: 'retry', next: 'Try again; if it stays, look at the log of the service.' },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of codes that cross a boundary. */
export type SyncErrorCode = keyof typeof syncErrors;

/**
 * An error of the contract.
 *
 * @example
 * try { canonicalJson(value) } catch (error) {
 *   if (error instanceof SyncError && error.code === 'unrepresentable') report(error.details.path);
 * }
 */
export class SyncError extends CodedError<SyncErrorCode> {
  override readonly name = 'SyncError';

  constructor(code: SyncErrorCode, message: string, options?: CodedErrorOptions) {
    super(syncErrors, code, message, options);
  }
}

/** Whether a text is a code of the contract. */
export function isSyncErrorCode(value: string): value is SyncErrorCode {
  return Object.hasOwn(syncErrors, value);
}

/**
 * The text form for channels that carry only a string, such as the message of a reducer's SenderError:
 * `<code>: <message>`.
 */
export function encodeWireError(code: SyncErrorCode, message: string): string {
  return `${code}: ${message}`;
}

/** Reads `<code>: <message>`; a text without a known code is `internal`, with the text kept as message. */
export function decodeWireError(text: string): SyncError {
  const colon = text.indexOf(':');
  const code = colon === -1 ? '' : text.slice(0, colon);
  if (isSyncErrorCode(code)) return new SyncError(code, text.slice(colon + 1).replace(/^ /, ''));
  return new SyncError('internal', text);
}
