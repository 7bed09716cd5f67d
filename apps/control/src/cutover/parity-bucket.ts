import {
  addTotals,
  type ComparisonPair,
  type ParityTotals,
  type ParityWindow,
  totalsOf,
} from '@autopilot/cutover-flags/parity';
import type { HeldWindow } from './held-window.ts';
import { joined, longest, type Span } from './spans.ts';

// A bucket is what the windows that ended in one stretch of time add up to. Times are the machine's, milliseconds.

/** How evidence is kept apart while it is stored. */
export interface BucketGrid {
  /** Buckets begin at whole multiples of it. */
  readonly length: number;
  /** Since when the share of the units is what it is: a bucket begins there too. */
  readonly shareSince: number;
  /** Since when the module in use is known to be what it is; null when that is not known. */
  readonly moduleSince: number | null;
}

/** What tells a bucket from others: windows with the same key are counted together. */
export interface BucketKey {
  readonly pair: ComparisonPair;
  /** No window of the bucket ended before, and none at or after the next border or change of the share. */
  readonly begins: number;
  /** What the units ran; empty for what is not known. */
  readonly ran: string;
  /** Since when the module was in use that all of them compared with; 0 for windows that began before. */
  readonly module_since: number;
}

/** What a bucket holds. Plain JSON. */
export interface Bucket {
  readonly totals: ParityTotals;
  /** When its windows with a settled position were. */
  readonly covered: readonly Span[];
}

/** Length of a bucket, milliseconds of the cutover clock. */
const bucketLength = 300_000;

/** And of the machine's at least: a fast rehearsal would have a bucket for each window. */
const shortestBucket = 500;

/** Spans that are kept of one bucket: as many as its windows of one unit. Beyond them the shortest do not count. */
const mostSpans = 200;

/** Length of a bucket by the machine's clock, where the cutover clock runs so many times as fast. */
export function bucketLengthOf(rate: number): number {
  return Math.max(shortestBucket, Math.ceil(bucketLength / rate));
}

/** The bucket that a window belongs to. */
export function bucketKeyOf({ window: { pair, from, to }, ran }: HeldWindow, grid: BucketGrid): BucketKey {
  const border = Math.floor(to / grid.length) * grid.length;
  const { shareSince, moduleSince } = grid;
  return {
    pair,
    // It is cut where the share changed, so that what came after is not kept waiting for the next border.
    begins: shareSince <= to ? Math.max(border, shareSince) : border,
    ran: ran ?? '',
    module_since: moduleSince !== null && from >= moduleSince ? moduleSince : 0,
  };
}

/** A bucket of one window. */
export function bucketOf(window: ParityWindow): Bucket {
  const { from, to, positions } = window;
  return { totals: totalsOf(window), covered: positions > 0 && to > from ? [[from, to]] : [] };
}

/** One bucket for several. */
export function addBuckets(buckets: readonly Bucket[]): Bucket {
  return {
    totals: addTotals(buckets.map(({ totals }) => totals)),
    covered: longest(joined(buckets.flatMap(({ covered }) => covered)), mostSpans),
  };
}
