import { type ComparisonCounts, comparisonResults } from './comparison.ts';
import { ParityError } from './errors.ts';
import { comparedFields, type Side, sides } from './event.ts';
import type { OverdueRule } from './ignore-rules.ts';
import type { ComparisonPair } from './options.ts';
import type { Sample } from './samples.ts';

/** Names the form of a window. */
export const windowForm = 'autopilot.parity-window.v1';

/** Why an event was not compared. */
export const notComparedReasons = [
  'not_begun',
  'before_start',
  'paused',
  'sampled',
  'replayed',
  'forgotten',
  'too_many_streams',
  'malformed',
] as const;

/**
 * `not_begun`: the other side has not begun the stream. `before_start`: before the first position that both cover.
 * `paused`: one side was down there. `sampled`: left out for want of memory. `replayed`: brought again after a resume.
 * `forgotten`: so late or so old that nothing is remembered of the position. `too_many_streams`: beyond the bound of
 * streams. `malformed`: not an event.
 */
export type NotComparedReason = (typeof notComparedReasons)[number];

/** An interval in which a side was down, milliseconds since the Unix epoch; `to` is null while it still is. */
export interface PausedInterval {
  readonly side: Side;
  readonly from: number;
  readonly to: number | null;
}

/** What was compared of one life of one stream: equal chains at equal length are the evidence. Sequences are decimal. */
export interface StreamChains {
  readonly stream_id: string;
  readonly epoch: string;
  /** The chains begin after this sequence. */
  readonly after: string;
  /** And stand at this one. */
  readonly seq: string;
  /** How many positions went into both. */
  readonly compared: number;
  readonly left: string;
  readonly right: string;
}

/** Counts and samples of a span of time. Plain JSON. */
export interface ParityWindow {
  readonly form: typeof windowForm;
  readonly pair: ComparisonPair;
  /** Milliseconds since the Unix epoch. */
  readonly from: number;
  readonly to: number;
  readonly counts: ComparisonCounts;
  /** Positions that were settled: each once, when it got its first result. */
  readonly positions: number;
  /** Positions that both sides brought in time. */
  readonly pairs: number;
  /** Events of positions that one side had brought already: `extra`, or ignored as such. */
  readonly repeats: number;
  /** Events that came after their position had been called missing: `late`, or a mismatch, or ignored. */
  readonly revisions: number;
  /**
   * Positions that neither side brought within the tolerance: between others, behind a move to another life that one side
   * made alone, or where a side could not be read any further. What comes later is compared all the same.
   */
  readonly absent: number;
  /** Positions that wait for the other side at the end of the window. */
  readonly pending: number;
  /** Events that were offered, whatever became of them. */
  readonly offered: Readonly<Record<Side, number>>;
  /** Events of streams that the owner projection drops. */
  readonly foreign: number;
  readonly not_compared: Readonly<Record<NotComparedReason, number>>;
  /** What the mismatches were in; one event may differ in several. */
  readonly mismatched: Readonly<Record<(typeof comparedFields)[number], number>>;
  /** Whether memory ran short, so that positions were chosen by their hash. */
  readonly sampled: boolean;
  /** Share of the offered events of owned streams that were not left out by sampling; null when there were none. */
  readonly share: number | null;
  readonly paused: readonly PausedInterval[];
  /** How often each ignore rule excused something. */
  readonly ignored_by: Readonly<Record<string, number>>;
  readonly overdue_rules: readonly OverdueRule[];
  /** Times that a hook of the caller threw; its answer was taken as no. */
  readonly faults: number;
  readonly samples: readonly Sample[];
  /** Streams whose chains differ first; the rest as room is. */
  readonly streams: readonly StreamChains[];
  /** Streams whose two chains differ, of all streams; added up over windows. */
  readonly unequal_chains: number;
}

const counted = ['positions', 'pairs', 'repeats', 'revisions', 'absent', 'foreign', 'faults'] as const;

/** Most samples and intervals that a merged window keeps. */
const mostMerged = 200;

/**
 * One window for several: of units, or of spans of time. Counts are added; of samples, intervals and chains the first
 * 200 of each are kept, unequal chains before equal ones.
 *
 * @throws {ParityError} `pair_conflict` for windows of different pairs, `bad_window` for none.
 */
export function mergeWindows(
  windows: readonly ParityWindow[],
  options: { readonly chains?: number } = {},
): ParityWindow {
  const [first] = windows;
  if (first === undefined) throw new ParityError('bad_window', 'There is no window to merge.');
  if (windows.some(({ pair }) => pair !== first.pair)) {
    throw new ParityError('pair_conflict', 'The windows are of different pairs of lanes.', {
      details: { pairs: [...new Set(windows.map(({ pair }) => pair))] },
    });
  }
  const sum = (value: (window: ParityWindow) => number): number => windows.reduce((all, one) => all + value(one), 0);
  const offered = { left: sum((one) => one.offered.left), right: sum((one) => one.offered.right) };
  const notCompared = record(notComparedReasons, (reason) => sum((one) => one.not_compared[reason]));
  const foreign = sum((one) => one.foreign);
  const ruleIds = [...new Set(windows.flatMap((one) => Object.keys(one.ignored_by)))];
  return {
    form: windowForm,
    pair: first.pair,
    from: Math.min(...windows.map(({ from }) => from)),
    to: Math.max(...windows.map(({ to }) => to)),
    counts: record(comparisonResults, (result) => sum((one) => one.counts[result])),
    ...record(counted, (name) => sum((one) => one[name])),
    pending: sum((one) => one.pending),
    offered,
    foreign,
    not_compared: notCompared,
    mismatched: record(comparedFields, (field) => sum((one) => one.mismatched[field])),
    sampled: windows.some(({ sampled }) => sampled),
    share: shareOf(offered, foreign, notCompared.sampled),
    paused: windows.flatMap(({ paused }) => paused).slice(0, mostMerged),
    ignored_by: record(ruleIds, (id) => sum((one) => one.ignored_by[id] ?? 0)),
    overdue_rules: mergeOverdue(windows.flatMap((one) => one.overdue_rules)),
    samples: windows.flatMap(({ samples }) => samples).slice(0, mostMerged),
    streams: mergeChains(windows.flatMap(({ streams }) => streams)).slice(0, options.chains ?? mostMerged),
    unequal_chains: sum((one) => one.unequal_chains),
  };
}

/** The share of events that sampling let through. */
export function shareOf(offered: Readonly<Record<Side, number>>, foreign: number, sampledOut: number): number | null {
  const owned = sides.reduce((all, side) => all + offered[side], 0) - foreign;
  return owned <= 0 ? null : (owned - sampledOut) / owned;
}

/** An object with one value per name. */
export function record<Name extends string, Value>(
  names: readonly Name[],
  value: (name: Name) => Value,
): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Name, Value>;
}

/** Of each life of each stream that began at the same place: the unequal chains, or else the longest. */
function mergeChains(all: readonly StreamChains[]): readonly StreamChains[] {
  const kept = new Map<string, StreamChains>();
  for (const chains of all) {
    const key = JSON.stringify([chains.stream_id, chains.epoch, chains.after]);
    const other = kept.get(key);
    const wins = other === undefined || (!isUnequal(other) && (isUnequal(chains) || chains.compared >= other.compared));
    if (wins) kept.set(key, chains);
  }
  return [...kept.values()].sort((a, b) => Number(isUnequal(b)) - Number(isUnequal(a)));
}

/** Whether the two sides differ in what was compared. */
export function isUnequal({ left, right }: StreamChains): boolean {
  return left !== right;
}

function mergeOverdue(rules: readonly OverdueRule[]): readonly OverdueRule[] {
  const byId = new Map<string, OverdueRule>();
  for (const rule of rules) byId.set(rule.id, { ...rule, hits: rule.hits + (byId.get(rule.id)?.hits ?? 0) });
  return [...byId.values()];
}
