import { type LaneState, laneStates } from '@autopilot/sync-contract';

/** What happens to the lane. */
export const khalaEvents = [
  'start',
  'token',
  'joined',
  'subscribed',
  'level',
  'behind',
  'renew',
  'lost',
  'retry',
  'auth-needed',
  'fatal',
  'close',
  'drained',
] as const;

/** One thing that happens to the lane. */
export type KhalaEvent = (typeof khalaEvents)[number];

type Row = Readonly<Record<KhalaEvent, LaneState | '-'>>;

const none = {
  start: '-',
  token: '-',
  joined: '-',
  subscribed: '-',
  level: '-',
  behind: '-',
  renew: '-',
  lost: '-',
  retry: '-',
  'auth-needed': '-',
  fatal: '-',
  close: '-',
  drained: '-',
} as const satisfies Row;

/** What can end any attempt that is under way. */
const ends = { lost: 'backoff', 'auth-needed': 'needs-auth', fatal: 'failed', close: 'draining' } as const;
/** A newer token: khala takes one only with a new connection, so the present one is given up for it. */
const renewable = { renew: 'connecting' } as const;
const waits = { retry: 'authenticating', close: 'draining' } as const;

/** The transition table, total over states and events. `-`: cannot happen there; refused, counted, nothing changes. */
export const khalaTransitions: Readonly<Record<LaneState, Row>> = {
  idle: { ...none, start: 'authenticating', close: 'draining' },
  authenticating: { ...none, ...ends, token: 'connecting' },
  connecting: { ...none, ...ends, joined: 'subscribing' },
  subscribing: { ...none, ...ends, subscribed: 'replaying' },
  replaying: { ...none, ...ends, ...renewable, level: 'live' },
  live: { ...none, ...ends, ...renewable, behind: 'replaying' },
  backoff: { ...none, ...waits },
  'needs-auth': { ...none, ...waits },
  failed: { ...none, ...waits },
  draining: { ...none, drained: 'closed' },
  closed: none,
};

/** The state after an event; undefined when the event cannot happen there. */
export function nextKhalaState(state: LaneState, event: KhalaEvent): LaneState | undefined {
  const next = khalaTransitions[state][event];
  return next === '-' ? undefined : next;
}

/** The table as Markdown, one row per state: what SPEC.md shows. */
export function khalaTransitionsAsMarkdown(): string {
  const head = `| state | ${khalaEvents.join(' | ')} |`;
  const rule = `|${'---|'.repeat(khalaEvents.length + 1)}`;
  const rows = laneStates.map(
    (state) => `| ${state} | ${khalaEvents.map((event) => khalaTransitions[state][event]).join(' | ')} |`,
  );
  return [head, rule, ...rows].join('\n');
}
