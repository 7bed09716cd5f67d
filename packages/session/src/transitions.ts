import type { LaneState } from '@autopilot/sync-contract';

// An entry of the package of its own, for pages: it needs nothing at run time.

/** What happens to a session. */
export const sessionEvents = [
  'start',
  'token',
  'initial',
  'subscribed',
  'caught-up',
  'behind',
  'lost',
  'retry',
  'auth-needed',
  'fatal',
  'close',
  'drained',
] as const;

/** One thing that happens to a session. */
export type SessionEvent = (typeof sessionEvents)[number];

type Row = Readonly<Record<SessionEvent, LaneState | '-'>>;

const none = {
  start: '-',
  token: '-',
  initial: '-',
  subscribed: '-',
  'caught-up': '-',
  behind: '-',
  lost: '-',
  retry: '-',
  'auth-needed': '-',
  fatal: '-',
  close: '-',
  drained: '-',
} as const satisfies Row;

/** What can end any attempt that is under way. */
const ends = { lost: 'backoff', 'auth-needed': 'needs-auth', fatal: 'failed', close: 'draining' } as const;

/**
 * The transition table, total over states and events. `-` means: cannot happen there; it is refused and counted, and no
 * state changes.
 */
export const transitions: Readonly<Record<LaneState, Row>> = {
  idle: { ...none, start: 'authenticating', close: 'draining' },
  authenticating: { ...none, ...ends, token: 'connecting' },
  connecting: { ...none, ...ends, initial: 'subscribing' },
  subscribing: { ...none, ...ends, subscribed: 'replaying' },
  replaying: { ...none, ...ends, 'caught-up': 'live' },
  live: { ...none, ...ends, behind: 'replaying' },
  draining: { ...none, drained: 'closed' },
  backoff: { ...none, retry: 'authenticating', close: 'draining' },
  'needs-auth': { ...none, retry: 'authenticating', close: 'draining' },
  failed: { ...none, retry: 'authenticating', close: 'draining' },
  closed: none,
};

/** The state after an event; undefined when the event cannot happen there. */
export function nextState(state: LaneState, event: SessionEvent): LaneState | undefined {
  const next = transitions[state][event];
  return next === '-' ? undefined : next;
}

/** The table as Markdown, one row per state: what SPEC.md shows. */
export function transitionsAsMarkdown(): string {
  const head = `| state | ${sessionEvents.join(' | ')} |`;
  const rule = `|${'---|'.repeat(sessionEvents.length + 1)}`;
  const rows = Object.entries(transitions).map(
    ([state, row]) => `| ${state} | ${sessionEvents.map((event) => row[event]).join(' | ')} |`,
  );
  return [head, rule, ...rows].join('\n');
}
