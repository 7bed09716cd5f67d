import type { ErrorSpec } from '@autopilot/sync-contract';
import type { Alarm } from './desktop-state.ts';

/** Every alarm: what raises it is said in its message, what to do about it here. */
export const alarmSpecs = {
  live_but_empty: {
    recovery: 'retry',
    next: 'Events exist that do not arrive. Restart the desktop; if it stays, look at the log of the host.',
  },
  chain_divergence: {
    recovery: 'ask-user',
    next: 'The applied history differs from the one of the host. Keep the data folder and compare both before a reset.',
  },
  host_behind: {
    recovery: 'ask-user',
    next: 'The host has fewer events than this desktop applied. Find out whether it lost data before trusting it.',
  },
  event_quarantined: {
    recovery: 'ask-user',
    next: 'Compare it with the host: with the desktop stopped, --quarantine shows it, and --clear-quarantine STREAM ends this.',
  },
  stream_blocked: {
    recovery: 'ask-user',
    next: 'Reading the stream again did not help and is not tried any more. Restart the desktop after looking why.',
  },
  stream_closed: { recovery: 'ask-user', next: 'Ask the owner of the stream for a grant, or remove the stream.' },
  history_skipped: {
    recovery: 'resnapshot',
    next: 'Older events were no longer kept by the host; the stream continues from its floor.',
  },
  store_failed: {
    recovery: 'retry',
    next: 'Nothing is lost: what was not stored is read again. Look at the free space of the disk and its rights.',
  },
  store_recovered: {
    recovery: 'resnapshot',
    next: 'Nothing is lost that the host still has. The damaged file is kept beside the store for a look.',
  },
  store_upkeep_failed: {
    recovery: 'retry',
    next: 'Nothing is lost, and it is tried again. Look at the free space of the disk and at the rights of the data folder.',
  },
  store_damaged: {
    recovery: 'ask-user',
    next: 'Keep the data folder for a look: what is stored of this stream was changed outside of this desktop.',
  },
  needs_auth: {
    recovery: 'ask-user',
    next: 'Look at the client id, its secret file and its grants at control, then restart the desktop.',
  },
  lane_failed: {
    recovery: 'ask-user',
    next: 'The lane will not try again by itself. Follow the reason, then restart.',
  },
  token_expired: { recovery: 'refresh-token', next: 'No new token came in time. Look whether control can be reached.' },
  clock_skew: { recovery: 'retry', next: 'Set the clocks of this machine and of the host by NTP.' },
  emergency_fallback: {
    recovery: 'ask-user',
    next: 'Follow the incident that is named. The fallback ends by itself when it expires, or when control ends it.',
  },
  lane_missing: {
    recovery: 'ask-user',
    next: 'Start this desktop with --khala and a build that holds the lane, or let control decide for the other one.',
  },
  handover_failed: {
    recovery: 'retry',
    next: 'The lane before goes on and nothing is lost; the change is tried again by itself. Look at the lane that is named.',
  },
  handover_held: {
    recovery: 'ask-user',
    next: 'The lane before goes on. Compare the stream that is named on both lanes and in control before the flip is made.',
  },
  handover_forced: {
    recovery: 'ask-user',
    next: 'This lane holds other events than those that were applied. Compare the stream that is named before it is trusted.',
  },
  policy_refused: {
    recovery: 'ask-user',
    next: 'The last good policy goes on. Look at control: its address, its keys and the deployment it names.',
  },
  toggle_without_effect: {
    recovery: 'ask-user',
    next: 'Take the variable out of the environment of this desktop: the rule that is named says why it does nothing.',
  },
  lanes_differ: {
    recovery: 'ask-user',
    next: 'Look at the samples in the console of control before any flip: the two lanes did not bring the same.',
  },
  feed_not_read_back: {
    recovery: 'ask-user',
    next: 'Control has taken the events. Look at its log and metrics: either it cannot write them, or no grant covers them.',
  },
  feed_refused: {
    recovery: 'ask-user',
    next: 'Control refused events of this desktop for good. They are kept in the journal; read the last error.',
  },
} as const satisfies Record<string, ErrorSpec>;

/** The closed union of alarm codes. */
export type AlarmCode = keyof typeof alarmSpecs;

/** The alarms that are raised now, the oldest first. */
export interface AlarmBoard {
  /** Returns whether anything changed. A second call keeps `since` and replaces the message. */
  raise(code: AlarmCode, message: string, streamId?: string): boolean;
  clear(code: AlarmCode, streamId?: string): boolean;
  list(): readonly Alarm[];
}

/** @param now Milliseconds since the Unix epoch. */
export function createAlarmBoard(now: () => number): AlarmBoard {
  const raised = new Map<string, Alarm>();
  const keyOf = (code: AlarmCode, streamId: string | undefined) => `${code} ${streamId ?? ''}`;
  return {
    raise(code, message, streamId) {
      const key = keyOf(code, streamId);
      const before = raised.get(key);
      if (before?.message === message) return false;
      const { recovery, next } = alarmSpecs[code];
      const since = before?.since ?? now();
      raised.set(key, { code, message, since, stream_id: streamId ?? null, recovery, next });
      return true;
    },
    clear: (code, streamId) => raised.delete(keyOf(code, streamId)),
    list: () => [...raised.values()],
  };
}
