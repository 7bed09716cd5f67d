import type { CommsOptions } from './open-comms.ts';

/** What a command line may say of how fast a desktop turns. Milliseconds; undefined for the usual. */
export interface CommsPace {
  readonly dwellMs?: number | undefined;
  readonly liveWithinMs?: number | undefined;
  readonly heartbeatMs?: number | undefined;
}

/** The limits of the router and the bounds of heartbeats and questions that follow from it. */
export function commsPace(pace: CommsPace): Pick<CommsOptions, 'limits' | 'pollMs' | 'heartbeatMs'> {
  const { dwellMs, liveWithinMs, heartbeatMs } = pace;
  const limits = {
    ...(dwellMs === undefined
      ? {}
      : { dwellMs, longestDwellMs: dwellMs * 8, retryMs: dwellMs, longestRetryMs: dwellMs * 8 }),
    ...(liveWithinMs === undefined ? {} : { liveWithinMs }),
  };
  const every = heartbeatMs === undefined ? undefined : { shortest: Math.min(500, heartbeatMs), longest: heartbeatMs };
  return { limits, pollMs: every, heartbeatMs: every };
}
