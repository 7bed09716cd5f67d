import type { Ports } from '@autopilot/sync-contract';
import type { Redact } from './diff.ts';
import { ParityError } from './errors.ts';
import type { IgnoreRule } from './ignore-rules.ts';

/** Which two readers are compared: an A/A pair has the same lane twice. */
export const comparisonPairs = ['khala/spacetime', 'khala/khala', 'spacetime/spacetime'] as const;

/** Left and right. */
export type ComparisonPair = (typeof comparisonPairs)[number];

/** Bounds of memory; what goes beyond is counted in the report. */
export interface ComparatorLimits {
  /** Positions that wait for the other side, over all streams. */
  readonly pending: number;
  /** The same for one stream. */
  readonly pending_per_stream: number;
  /** Streams that are compared; events of further ones are counted as not compared. */
  readonly streams: number;
  /** Missing positions per stream that are remembered to know a late event. */
  readonly late_per_stream: number;
  /** Samples per result and window. */
  readonly samples: number;
  /** Characters of a payload that is kept for a diff; a longer one is compared by its hash only. */
  readonly payload: number;
  /** Lines of one diff, and characters of one value in it. */
  readonly diff_lines: number;
  readonly diff_value: number;
  /** Streams with their chains in one window. */
  readonly chains: number;
}

/** The defaults. */
export const defaultLimits: ComparatorLimits = {
  pending: 20_000,
  pending_per_stream: 2_000,
  streams: 10_000,
  late_per_stream: 1_000,
  samples: 10,
  payload: 16_384,
  diff_lines: 20,
  diff_value: 120,
  chains: 1_000,
};

/** What a comparator is made of. */
export interface ComparatorOptions {
  readonly pair: ComparisonPair;
  readonly ports: Pick<Ports, 'clock' | 'scheduler'>;
  /** How long a position may wait for the other side, in milliseconds. Default 5,000. */
  readonly tolerance_ms?: number;
  /** How many events of its stream may pass it besides; null (default) for no such bound. */
  readonly tolerance_events?: number | null;
  /** The owner projection: events of other streams are counted as foreign and dropped. Default: every stream. */
  readonly owns?: (streamId: string) => boolean;
  readonly ignore?: readonly IgnoreRule[];
  readonly redact?: Redact;
  readonly limits?: Partial<ComparatorLimits>;
}

/** @throws {ParityError} `invalid_options`. */
export function checkOptions(options: ComparatorOptions): ComparatorLimits {
  const pairs: readonly string[] = comparisonPairs;
  if (!pairs.includes(options.pair)) fail(`pair is "${options.pair}", not one of ${comparisonPairs.join(', ')}`);
  const tolerance = options.tolerance_ms;
  if (tolerance !== undefined && !(Number.isFinite(tolerance) && tolerance > 0)) {
    fail(`tolerance_ms is ${tolerance}, not a number above 0`);
  }
  const events = options.tolerance_events ?? null;
  if (events !== null && !(Number.isSafeInteger(events) && events > 0)) {
    fail(`tolerance_events is ${events}, not a whole number above 0`);
  }
  const limits: ComparatorLimits = { ...defaultLimits, ...options.limits };
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) fail(`limits.${name} is ${value}, not a whole number above 0`);
  }
  return limits;
}

function fail(what: string): never {
  throw new ParityError('invalid_options', `${what[0]?.toUpperCase()}${what.slice(1)}.`);
}
