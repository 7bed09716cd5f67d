import type { Clock } from '@autopilot/sync-contract';
import type { DesktopState } from './desktop-state.ts';
import type { ViewModel } from './view-model.ts';

/** What this desktop published may take so long to come back before somebody should look. */
const patienceMs = 30_000;

/** Looks for events that control has taken and that never come back, although the lane says that all is well. */
export interface FeedWatch {
  look(state: DesktopState): void;
}

/** A watch over the feed of one desktop; call `look` about once a second. */
export function createFeedWatch(view: Pick<ViewModel, 'raise' | 'clear'>, clock: Clock): FeedWatch {
  let lastApplied = -1;
  let standingSince = 0;
  return {
    look({ feed, streams, connection, totals }) {
      const applied = new Map(streams.map((stream) => [stream.stream_id, stream.seq]));
      let missing = 0n;
      for (const { stream_id, count } of feed?.chains ?? []) {
        const ahead = count - (applied.get(stream_id) ?? 0n);
        if (ahead > 0n) missing += ahead;
      }
      const now = clock.monotonic();
      if (missing === 0n || connection.state !== 'live' || totals.applied !== lastApplied) {
        lastApplied = totals.applied;
        standingSince = now;
        view.clear('feed_not_read_back');
      } else if (now - standingSince >= patienceMs) {
        view.raise('feed_not_read_back', `${missing} published events do not come back, although the lane is live.`);
      }
    },
  };
}
