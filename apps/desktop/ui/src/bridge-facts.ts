import type { BridgeSummary } from '../../src/view-model/bridge-state.ts';
import { formatCount, formatTime, unknown } from './format.ts';
import type { Tone } from './tones.ts';

/** What is said of the bridge, line by line, and whether the numbers are of a process that is over. */
export interface BridgeFacts {
  readonly lines: readonly (readonly [name: string, value: string])[];
  /** When what is past was said; null for what is present, and where nothing was said. */
  readonly past: string | null;
}

const words: Readonly<Record<BridgeSummary['state'], readonly [string, Tone]>> = {
  none: ['none', 'idle'],
  idle: ['not started', 'idle'],
  starting: ['starting', 'busy'],
  running: ['running', 'good'],
  waiting: ['waits for its restart', 'warn'],
  closed: ['closed', 'idle'],
};

/** What the process is called, and how that is meant: one that runs and carries nothing anywhere is not good. */
export function bridgeWord({ state, relays_open, lane_live }: BridgeSummary): readonly [string, Tone] {
  const [word, tone] = words[state];
  if (tone !== 'good') return [word, tone];
  if (relays_open === null) return [word, 'busy'];
  return [word, relays_open > 0 && lane_live === true ? 'good' : 'warn'];
}

/** Words for a bridge that is there. Without its word there are no lines: a row of dashes says less than nothing. */
export function bridgeFacts(summary: BridgeSummary): BridgeFacts {
  const { state, relays, relays_open, pending, dead, jobs_open, lane_live, as_of } = summary;
  if (as_of === null) return { lines: [], past: null };
  const isPast = state !== 'running' || relays_open === null;
  const counted = [
    ['Pending', formatCount(pending)],
    ['Given up', formatCount(dead)],
    ['Open jobs', formatCount(jobs_open)],
  ] as const;
  // What is connected is known of the present only.
  if (isPast) return { lines: [['Relays', formatCount(relays)], ...counted], past: formatTime(as_of) };
  const session = lane_live === null ? unknown : lane_live ? 'live' : 'not live';
  return {
    lines: [
      ['Relays', `${formatCount(relays_open)} of ${formatCount(relays)} connected`],
      ['Its session', session],
      ...counted,
    ],
    past: null,
  };
}
