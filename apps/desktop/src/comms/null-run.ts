import type { LaneId, Ports } from '@autopilot/sync-contract';
import type { Log } from '../log.ts';
import type { SyncLane } from '../sync/sync-lane.ts';
import type { CommsState } from '../view-model/comms-state.ts';
import type { AskControl } from './control-client.ts';
import { createNullComparison } from './null-comparison.ts';
import { tappedLane } from './tapped-lane.ts';
import { createWindowSender } from './window-sender.ts';

/**
 * A second reader of a lane beside the one that is used, compared with it: the noise of the comparison itself. It lives
 * exactly as long as the first one, so that it opens nothing that the decision does not open anyway.
 */
export interface NullRun {
  readonly lane: LaneId;
  /** The first reader, watched. */
  watch(lane: SyncLane): SyncLane;
  state(): NonNullable<CommsState['null_run']>;
  /** Windows go to control from now on. */
  start(): void;
  close(): Promise<void>;
}

export interface NullRunOptions {
  readonly lane: LaneId;
  readonly ports: Ports;
  readonly log: Log;
  readonly ask: AskControl;
  readonly unit: string;
  /** Opens the second reader, with a connection and a token of its own. It never writes. */
  readonly open: () => SyncLane;
  /** Why the lane is not open now. */
  readonly why: () => string;
  readonly everyMs?: number | undefined;
}

/** The counts of the page are made anew at most so often. */
const reportMs = 1000;

/** A null run that has opened nothing. */
export function createNullRun(options: NullRunOptions): NullRun {
  const { lane: id, ports, log, ask, unit } = options;
  const endings = new Set<Promise<void>>();
  let second: SyncLane | undefined;
  const comparison = createNullComparison(ports, id, () => second);
  const sender = createWindowSender({
    ...{ ports, ask, unit, everyMs: options.everyMs },
    take: () => comparison.takeWindow(),
  });
  const failed = (error: unknown) => log.error({ err: error, lane: id }, 'the null run failed');

  let reported = comparison.report();
  let reportedAt = ports.clock.monotonic();
  const report = () => {
    const now = ports.clock.monotonic();
    if (now - reportedAt >= reportMs) {
      reported = comparison.report();
      reportedAt = now;
    }
    return reported;
  };
  const open = () => {
    const reader = options.open();
    second = reader;
    reader.listen((signal) => {
      if (second === reader) comparison.secondSaid(signal);
    });
    log.info({ lane: id }, 'null run: second reader opened');
  };
  const end = () => {
    const reader = second;
    second = undefined;
    comparison.closing();
    if (reader === undefined) return;
    const ending = reader.close().catch(failed);
    endings.add(ending);
    void ending.then(() => endings.delete(ending));
  };
  return {
    lane: id,
    watch(first) {
      // A lane that was opened anew before the one before has ended.
      end();
      try {
        open();
      } catch (error) {
        failed(error);
        return first;
      }
      const reader = second;
      const isOurs = () => second === reader;
      const tap = {
        started: () => reader?.start(),
        followed: (...args: Parameters<typeof comparison.followed>) => isOurs() && comparison.followed(...args),
        rewound: (...args: Parameters<typeof comparison.rewound>) => isOurs() && comparison.rewound(...args),
        unfollowed: (streamId: string) => isOurs() && comparison.unfollowed(streamId),
        said: (...args: Parameters<typeof comparison.said>) => isOurs() && comparison.said(...args),
        closing: () => isOurs() && end(),
      };
      return tappedLane(first, tap, failed);
    },
    state() {
      const { pair, from, counts, pending, unequal_chains } = report();
      const running = second !== undefined;
      return {
        ...{ lane: id, pair, running, reason: running ? null : options.why(), second: second?.state ?? null },
        ...{ from, counts, pending, unequal_chains, told: sender.told.windows, error: sender.told.error },
      };
    },
    start: () => sender.start(),
    async close() {
      sender.close();
      end();
      comparison.close();
      await Promise.all(endings);
    },
  };
}
