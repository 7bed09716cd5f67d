import { type DefectName, defectNames } from './clients.ts';
import type { RehearseOptions } from './options.ts';

/** How large and how fast a rehearsal is. Times are milliseconds of the machine. */
export interface Scale {
  readonly desktops: number;
  readonly processes: number;
  readonly events: number;
  readonly streams: number;
  /** How many times as fast as the machine the cutover clock runs. */
  readonly clockRate: number;
  readonly cohortSteps: readonly number[];
  readonly defects: readonly DefectName[];
  readonly heartbeatMs: number;
  /** Events that are published in a second while nothing changes. */
  readonly eventsPerSecond: number;
  /** Of all events, the share that is published as fast as the fleet takes it while units change lanes, each time. */
  readonly burstShare: number;
  /** Of all events, the share that is kept for Stage 3. */
  readonly lastShare: number;
}

/** Streams of the fleet: each desktop follows all of them. */
const streams = 8;

export function scaleOf({ quick, desktops, events }: RehearseOptions): Scale {
  return {
    ...{ desktops, events, streams, processes: desktops > 15 ? 2 : 1 },
    // A week, which is how far back control looks for differences, is 30 seconds; in a quick run 7.5.
    clockRate: quick ? 80_000 : 20_000,
    // In a quick run the three that the comparison tells apart position by position.
    defects: quick ? defectNames.filter((name) => name !== 'foreign event') : defectNames,
    cohortSteps: quick ? [5, 100] : [1, 5, 25, 100],
    heartbeatMs: quick ? 1_500 : 3_000,
    eventsPerSecond: 16,
    // Times the changes before Stage 2 for good, 16 and 22, it leaves room for what is published between them.
    burstShare: quick ? 0.025 : 0.015,
    lastShare: 0.1,
  };
}
