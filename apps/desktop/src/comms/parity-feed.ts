import { bucketOf, type CutoverPolicy } from '@autopilot/cutover-flags';
import { type Comparator, createComparator, type ParityWindow } from '@autopilot/cutover-flags/parity';
import type { LaneId, Ports } from '@autopilot/sync-contract';
import type { CommsState } from '../view-model/comms-state.ts';
import type { RouterObserver } from './router-options.ts';

/** The comparison of both lanes: khala is left, spacetime right, whichever is shown. */
export interface ParityFeed extends RouterObserver {
  /** What was compared since the last window; null when nothing was. */
  takeWindow(): ParityWindow | null;
  /** Everything since the start, at most once a second anew; null while nothing was compared. */
  summary(): CommsState['parity'];
  close(): void;
}

const sideOf = (lane: LaneId) => (lane === 'khala' ? 'left' : 'right');
const summaryMs = 1000;
/** A reconnect of the slower lane takes longer than an event. */
export const parityToleranceMs = 10_000;
/** What the comparison may keep in memory. */
export const parityLimits = { pending: 10_000, streams: 1000, samples: 5, chains: 50 } as const;

/** Whether nothing was compared in a window. A position may be absent or missing without anything being brought in it. */
export function isEmpty({ offered, positions, absent }: ParityWindow): boolean {
  return offered.left + offered.right + positions + absent === 0;
}

/** A comparison of nothing yet. `policy` says how much is compared. */
export function createParityFeed(
  ports: Pick<Ports, 'clock' | 'scheduler'>,
  policy: () => CutoverPolicy | null,
): ParityFeed {
  const comparator: Comparator = createComparator({
    ...{ pair: 'khala/spacetime', ports, tolerance_ms: parityToleranceMs, limits: parityLimits },
  });
  const chosen = new Map<string, boolean>();
  let summary: CommsState['parity'] = null;
  let summaryAt = Number.NEGATIVE_INFINITY;

  /** Before Stage 2 the comparison is what the stage is for; from then on a share of the streams is compared. */
  const isChosen = (streamId: string) => {
    const held = policy();
    if (held === null || held.stage < 2) return true;
    return bucketOf(held.cohort.salt, streamId) < held.shadow_sample * 10_000;
  };
  return {
    begins(lane, streamId, after) {
      const compare = chosen.get(streamId) ?? isChosen(streamId);
      chosen.set(streamId, compare);
      if (compare) comparator.begin(sideOf(lane), streamId, after);
    },
    brought(lane, events) {
      if (chosen.get(events[0]?.stream_id ?? '') !== true) return;
      for (const event of events) comparator.offer(sideOf(lane), event);
    },
    paused: (lane) => comparator.pause(sideOf(lane)),
    resumed(lane, streamId, after) {
      if (chosen.get(streamId) === true) comparator.resume(sideOf(lane), streamId, after);
    },
    moved(lane, streamId, to) {
      if (chosen.get(streamId) === true) comparator.moved(sideOf(lane), streamId, to);
    },
    abandoned(lane, streamId) {
      if (chosen.get(streamId) === true) comparator.abandon(sideOf(lane), streamId);
      chosen.delete(streamId);
    },
    ended(streamId) {
      if (chosen.get(streamId) === true) comparator.end(streamId);
      chosen.delete(streamId);
    },
    takeWindow() {
      const window = comparator.takeWindow();
      return isEmpty(window) ? null : window;
    },
    summary() {
      const now = ports.clock.monotonic();
      if (now - summaryAt < summaryMs) return summary;
      summaryAt = now;
      const { pair, from, counts, pending, unequal_chains, offered } = comparator.report();
      const began = offered.left + offered.right > 0;
      summary = began ? { pair, from, counts, pending, unequal_chains } : null;
      return summary;
    },
    close: () => comparator.close(),
  };
}
