import type { Clock } from '@autopilot/sync-contract';
import { type ComparisonResult, comparisonResults } from './comparison.ts';
import { type ComparedEvent, type ComparedField, comparedFields, type Side } from './event.ts';
import { IgnoreRules, type OverdueRule } from './ignore-rules.ts';
import type { ComparatorLimits, ComparatorOptions, ComparisonPair } from './options.ts';
import { bounded, SampleStore } from './samples.ts';
import {
  mergeWindows,
  type NotComparedReason,
  notComparedReasons,
  type PausedInterval,
  type ParityWindow,
  record,
  type StreamChains,
  shareOf,
  windowForm,
} from './window.ts';

/** A difference, as the comparator finds it. */
export interface Difference {
  readonly result: Exclude<ComparisonResult, 'match' | 'ignored'>;
  readonly position: { readonly stream_id: string; readonly epoch: string; readonly seq: bigint };
  readonly side: Side | null;
  readonly fields: readonly ComparedField[];
  readonly left: ComparedEvent | null;
  readonly right: ComparedEvent | null;
}

/** Most paused intervals that one window keeps; further ones are joined to the last. */
const mostIntervals = 100;

const zeros = () => ({
  counts: record(comparisonResults, () => 0),
  positions: 0,
  pairs: 0,
  repeats: 0,
  revisions: 0,
  absent: 0,
  offered: { left: 0, right: 0 },
  foreign: 0,
  not_compared: record(notComparedReasons, () => 0),
  mismatched: record(comparedFields, () => 0),
  faults: 0,
});

/** Counts, samples and intervals since the last window, and all windows before added up. */
export class Tally {
  readonly #clock: Clock;
  readonly #pair: ComparisonPair;
  readonly #rules: IgnoreRules;
  readonly #limits: ComparatorLimits;
  readonly #samples: SampleStore;
  now = zeros();
  #from: number;
  #ignoredBy = new Map<string, number>();
  #overdueHits = new Map<string, number>();
  #paused: PausedInterval[] = [];
  readonly #open = new Map<Side, number>();
  #past: ParityWindow | null = null;

  constructor(options: ComparatorOptions, limits: ComparatorLimits) {
    this.#clock = options.ports.clock;
    this.#pair = options.pair;
    this.#limits = limits;
    this.#rules = new IgnoreRules(options.ignore ?? []);
    this.#samples = new SampleStore(limits, options.redact);
    this.#from = this.#clock.now();
  }

  leaveOut(reason: NotComparedReason, events = 1): void {
    this.now.not_compared[reason] += events;
  }

  /** Counts a difference, or excuses it; true when it was excused. */
  differ(difference: Difference): boolean {
    const { result, position, side, fields, left, right } = difference;
    const now = this.#clock.now();
    const kinds = [left, right].flatMap((event) => (event === null ? [] : [event.kind]));
    const { excused, overdue } = this.#rules.find({ stream_id: position.stream_id, kinds, result }, now);
    for (const { id } of overdue) this.#overdueHits.set(id, (this.#overdueHits.get(id) ?? 0) + 1);
    if (excused !== null) this.#ignoredBy.set(excused.id, (this.#ignoredBy.get(excused.id) ?? 0) + 1);
    const counted = excused === null ? result : 'ignored';
    this.now.counts[counted] += 1;
    if (excused === null && result === 'mismatch') for (const field of fields) this.now.mismatched[field] += 1;
    if (this.#samples.wants(counted)) {
      const keep = (event: ComparedEvent | null) => (event === null ? null : bounded(event, this.#limits.payload));
      this.#samples.add({
        result: counted,
        stream_id: position.stream_id,
        epoch: position.epoch,
        seq: position.seq.toString(),
        at: now,
        side,
        fields,
        left: keep(left),
        right: keep(right),
        rule: excused?.id ?? null,
      });
    }
    return excused !== null;
  }

  pause(side: Side): void {
    if (!this.#open.has(side)) this.#open.set(side, this.#clock.now());
  }

  resume(side: Side): void {
    const from = this.#open.get(side);
    if (from === undefined) return;
    this.#open.delete(side);
    this.#addInterval({ side, from, to: this.#clock.now() });
  }

  /** Counts and samples since the last window; with `reset`, a new window begins. */
  window(chains: readonly StreamChains[], unequal: number, pending: number, reset: boolean): ParityWindow {
    const to = this.#clock.now();
    const stillPaused = [...this.#open].map(([side, from]) => ({ side, from, to: null }));
    const { counts, offered, not_compared, mismatched, ...numbers } = this.now;
    const window: ParityWindow = {
      form: windowForm,
      pair: this.#pair,
      from: this.#from,
      to,
      counts: { ...counts },
      ...numbers,
      pending,
      offered: { ...offered },
      not_compared: { ...not_compared },
      mismatched: { ...mismatched },
      sampled: not_compared.sampled > 0,
      share: shareOf(offered, numbers.foreign, not_compared.sampled),
      paused: [...this.#paused, ...stillPaused],
      ignored_by: Object.fromEntries(this.#ignoredBy),
      overdue_rules: this.#overdue(to),
      samples: this.#samples.take(reset),
      streams: chains,
      unequal_chains: unequal,
    };
    if (reset) this.#begin(window, to);
    return window;
  }

  /** All windows so far and the one that is open, as one. */
  total(chains: readonly StreamChains[], unequal: number, pending: number): ParityWindow {
    const open = this.window(chains, unequal, pending, false);
    if (this.#past === null) return open;
    // Of the windows that were taken only counts, samples and intervals are kept: chains and pending are as of now.
    return { ...mergeWindows([this.#past, open]), streams: chains, unequal_chains: unequal, pending };
  }

  #begin(taken: ParityWindow, at: number): void {
    const closed = { ...taken, paused: taken.paused.filter(({ to }) => to !== null), streams: [], pending: 0 };
    this.#past = this.#past === null ? closed : mergeWindows([this.#past, closed]);
    this.now = zeros();
    this.#from = at;
    this.#ignoredBy = new Map();
    this.#overdueHits = new Map();
    this.#paused = [];
  }

  #overdue(now: number): readonly OverdueRule[] {
    return this.#rules.overdue(now).map(({ id, owner, expires_at }) => ({
      id,
      owner,
      expired_at: expires_at,
      hits: this.#overdueHits.get(id) ?? 0,
    }));
  }

  #addInterval(interval: PausedInterval): void {
    const last = this.#paused.at(-1);
    if (this.#paused.length < mostIntervals || last === undefined) this.#paused.push(interval);
    else this.#paused[this.#paused.length - 1] = { ...last, to: interval.to };
  }
}
