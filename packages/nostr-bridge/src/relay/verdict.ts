/** Why a relay, or the way to it, should be tried again. */
export type RetryReason =
  /** The relay said so. */
  | 'rate-limited'
  | 'error'
  | 'auth-required'
  /** The relay refused without a prefix that is known. */
  | 'unclear'
  /** It was sent, and no answer came in time. */
  | 'deadline'
  /** It was sent, and the connection ended before the answer. */
  | 'closed'
  /** It never left: not connected, no token left, or the breaker is open. */
  | 'not-sent';

/** Why a relay will never take an event. */
export type RejectReason = 'invalid' | 'blocked' | 'restricted' | 'pow' | 'mute' | 'too-large' | 'created-at';

/** What came of one event at one relay. `message` is the relay's text, cut to {@link longestMessage}. */
export type Verdict =
  | { readonly outcome: 'accepted'; readonly reason: 'new' | 'duplicate'; readonly message: string }
  | { readonly outcome: 'retry'; readonly reason: RetryReason; readonly message: string }
  | { readonly outcome: 'rejected'; readonly reason: RejectReason; readonly message: string };

/** The machine-readable prefixes of OK, CLOSED and NOTICE, and what each of them means for the outbox. */
export const prefixes = {
  duplicate: { outcome: 'accepted', reason: 'duplicate' },
  invalid: { outcome: 'rejected', reason: 'invalid' },
  blocked: { outcome: 'rejected', reason: 'blocked' },
  restricted: { outcome: 'rejected', reason: 'restricted' },
  pow: { outcome: 'rejected', reason: 'pow' },
  mute: { outcome: 'rejected', reason: 'mute' },
  'rate-limited': { outcome: 'retry', reason: 'rate-limited' },
  error: { outcome: 'retry', reason: 'error' },
  'auth-required': { outcome: 'retry', reason: 'auth-required' },
} as const satisfies Record<string, Omit<Verdict, 'message'>>;

/** A prefix of {@link prefixes}. */
export type Prefix = keyof typeof prefixes;

const longestMessage = 200;

/** The prefix of a relay's text; undefined when it has none that is known. */
export function prefixOf(message: string): Prefix | undefined {
  const colon = message.indexOf(':');
  const prefix = colon === -1 ? '' : message.slice(0, colon);
  return Object.hasOwn(prefixes, prefix) ? (prefix as Prefix) : undefined;
}

/** The verdict of an OK. */
export function readOk(accepted: boolean, text: string): Verdict {
  const message = cut(text);
  const prefix = prefixOf(text);
  if (accepted) return { outcome: 'accepted', reason: prefix === 'duplicate' ? 'duplicate' : 'new', message };
  return readRefusal(prefix, message);
}

/** The verdict of a CLOSED: the relay ended a subscription. */
export function readClosed(text: string): Exclude<Verdict, { outcome: 'accepted' }> {
  const prefix = prefixOf(text);
  const verdict = readRefusal(prefix, cut(text));
  // A subscription cannot be a duplicate that is fine: the relay has one of this id, so this one is not served.
  return verdict.outcome === 'accepted' ? { outcome: 'retry', reason: 'unclear', message: verdict.message } : verdict;
}

/** A verdict that this side gives. */
export function retry(reason: RetryReason, message: string): Verdict {
  return { outcome: 'retry', reason, message: cut(message) };
}

/** A verdict that this side gives. */
export function reject(reason: RejectReason, message: string): Verdict {
  return { outcome: 'rejected', reason, message: cut(message) };
}

/** What is kept of a text that a relay made up. */
export function cut(text: string): string {
  return text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text;
}

function readRefusal(prefix: Prefix | undefined, message: string): Verdict {
  if (prefix === undefined) return { outcome: 'retry', reason: 'unclear', message };
  return { ...prefixes[prefix], message };
}
