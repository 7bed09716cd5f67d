import type { Reads, RecordLine, Seen, SubscriberRecord, View } from './record.ts';
import { headOf } from './rows.ts';
import { Shown, some } from './shown.ts';
import { digestOf, type State } from './state.ts';
import type { Truth } from './truth.ts';
import type { Violation, ViolationKind } from './violations.ts';

/** What a record holds, counted. */
export interface RecordCounts {
  /** Processes that wrote it. */
  runs: number;
  /** Baselines and resyncs. */
  snapshots: number;
  transactions: number;
  /** States that were compared whole, and found right. */
  states: number;
  /** Transactions that came inside a snapshot instead of one by one. */
  jumped: number;
  /** States that only an unconfirmed read showed, and that the server has lost. */
  unhappened: number;
  /** States that could be compared with nothing: of a lost branch whose beginning was not seen. */
  unjudged: number;
  /** States after a finding, until the next snapshot. */
  tainted: number;
  torn: number;
}

/** What is found in one record. */
export interface RecordFindings {
  readonly violations: readonly Violation[];
  readonly counts: Readonly<RecordCounts>;
  /** Where it stood at which time, for the plot. */
  readonly points: readonly { readonly at: number; readonly n: number }[];
  /** The longest time without anything new, in milliseconds: what came after it was missed for so long, at most. */
  readonly longestSilenceMs: number;
  /** The first entries of histories that were shown and lost, as row texts. */
  readonly branches: readonly string[];
}

export function emptyCounts(): RecordCounts {
  return {
    ...{ runs: 0, snapshots: 0, transactions: 0, states: 0, jumped: 0 },
    ...{ unhappened: 0, unjudged: 0, tainted: 0, torn: 0 },
  };
}

/** Compares what a subscriber has shown with the server's ledger. */
export function checkRecord(record: SubscriberRecord, truth: Truth, reads: Reads): RecordFindings {
  const check = new RecordCheck(truth, reads);
  check.counts.torn = record.torn;
  for (const line of record.lines) check.take(line);
  check.finish();
  return check;
}

class RecordCheck implements RecordFindings {
  readonly violations: Violation[] = [];
  readonly points: { at: number; n: number }[] = [];
  readonly counts: RecordCounts = emptyCounts();
  readonly #truth: Truth;
  readonly #reads: Reads;
  readonly #branches = new Set<string>();
  #shown: Shown | undefined;
  #n: number | undefined;
  /** The furthest state of the ledger that was shown, over all connections and processes. */
  #reached = 0;
  /** On a history that the server has lost: what it would have led to. */
  #off: State | undefined;
  /** Something was wrong on this connection: what follows from it is not counted again. */
  #tainted = false;
  #differed = false;
  /** Views of a cache that was ahead of what had been told. */
  #ahead: { readonly view: View; readonly at: number }[] = [];
  #last: Seen | undefined;

  constructor(truth: Truth, reads: Reads) {
    this.#truth = truth;
    this.#reads = reads;
  }

  get longestSilenceMs(): number {
    return this.points.reduce(
      (longest, { at }, index) => Math.max(longest, at - (this.points[index - 1]?.at ?? at)),
      0,
    );
  }

  get branches(): string[] {
    return [...this.#branches];
  }

  take(line: RecordLine): void {
    if (line.k === 'start' || line.k === 'open') {
      if (line.k === 'start') this.counts.runs += 1;
      this.#connectionEnds();
      this.#shown = undefined;
      this.#n = undefined;
      this.#last = undefined;
    } else if (line.k === 'failed') this.#found('crashed', line.at, line.message);
    else if (line.k === 'seen') this.#seen(line);
  }

  finish(): void {
    this.#connectionEnds();
    const { head } = this.#truth;
    const shown = this.#shown?.digest;
    const ends = this.#last?.view.n === head && this.#last.view.digest === this.#truth.digest(head);
    if (this.#n === head && shown === this.#truth.digest(head) && ends) return;
    const where = this.#n === undefined ? 'nothing' : `transaction ${this.#n}`;
    this.#found('stuck', this.#last?.at, `shows ${where} in the end, the server has ${head}`);
  }

  #seen(seen: Seen): void {
    const before = this.#n;
    if (seen.source === 'transaction') this.counts.transactions += 1;
    else {
      this.counts.snapshots += 1;
      this.#connectionEnds();
    }
    if (seen.source === 'baseline') this.#shown = new Shown(seen.in);
    if (this.#shown === undefined) {
      if (!this.#tainted) this.#found('split', seen.at, `a ${seen.source} came before any rows`);
      this.#tainted = true;
      return;
    }
    this.#last = seen;
    const shown = this.#shown;
    const told = headOf(seen.in);
    if (seen.source === 'transaction' && told !== undefined) this.#next(seen, before, told);
    if (seen.source !== 'baseline') this.#change(shown, seen);
    const n = headOf(shown.rows);
    this.#n = told ?? n;
    if (n === undefined) {
      if (!this.#tainted) this.#found('split', seen.at, 'there is not one row in head', told);
      this.#tainted = true;
      return;
    }
    this.points.push({ at: seen.at, n });
    if (seen.source !== 'transaction') this.#jump(seen, before, n);
    else if (told === undefined) this.#next(seen, before, n);
    const digest = shown.digest;
    this.#view(seen, n, digest);
    this.#state(seen, n, digest, shown);
  }

  #change(shown: Shown, seen: Seen): void {
    const { again, absent } = shown.apply(seen.in, seen.out);
    if (again.length + absent.length === 0 || this.#tainted) return;
    this.#found('repeat', seen.at, `comes and is there: ${some(again)}; goes and is not there: ${some(absent)}`);
  }

  #next(seen: Seen, before: number | undefined, n: number): void {
    const { at, events } = seen;
    if (before === undefined || n < before) this.#found('backwards', at, `transaction ${n} came after ${before}`, n);
    else if (n === before) this.#found('repeat', at, `transaction ${n} came again, or in parts`, n);
    else if (n > before + 1) this.#found('gap', at, `transaction ${n} came after ${before}`, n);
    if (events.length === 1 && events[0] === n) return;
    const kind = events.length > new Set(events).size ? 'repeat' : 'event';
    this.#found(kind, at, `transaction ${n} came with the events [${events.join(', ')}]`, n);
  }

  #jump(seen: Seen, before: number | undefined, n: number): void {
    if (n < this.#reached) this.#found('backwards', seen.at, `a snapshot of ${n} came after ${this.#reached}`, n);
    else this.counts.jumped += Math.max(0, n - Math.max(before ?? 0, this.#reached));
    if (seen.events.length > 0) this.#found('event', seen.at, `a snapshot came with events [${seen.events}]`, n);
  }

  /** What the cache itself shows must be what has been told, or what is about to be. */
  #view(seen: Seen, n: number, digest: string): void {
    const due = this.#ahead.filter(({ view }) => view.n === n);
    this.#ahead = this.#ahead.filter(({ view }) => view.n !== n);
    const { view } = seen;
    const wrong = due.find((earlier) => earlier.view.digest !== digest);
    if (wrong !== undefined) this.#differs(wrong.at, n, 'showed other rows than were told later');
    if (view.n === null || view.n < n) this.#differs(seen.at, n, `shows ${view.n ?? 'no head'} when told of ${n}`);
    else if (view.n > n) this.#ahead.push({ view, at: seen.at });
    else if (view.digest !== digest) this.#differs(seen.at, n, 'shows other rows than were told');
  }

  #differs(at: number, n: number, detail: string): void {
    if (!this.#differed) this.#found('differs', at, `the cache ${detail}`, n);
    this.#differed = true;
  }

  #state(seen: Seen, n: number, digest: string, shown: Shown): void {
    if (this.#truth.digest(n) === digest) {
      if (this.#off !== undefined) this.#found('split', seen.at, 'came back from a history that was lost', n);
      this.#off = undefined;
      this.#tainted = false;
      this.#reached = Math.max(this.#reached, n);
      this.counts.states += 1;
      return;
    }
    if (this.#tainted) {
      this.counts.tainted += 1;
      return;
    }
    const entry = shown.entries().get(n);
    if (entry === undefined || this.#truth.has(entry)) {
      const expected = n > this.#truth.head ? [] : this.#truth.state(n).rows();
      this.#taint(seen.at, n, shown.difference(expected));
      return;
    }
    this.#lostHistory(seen, n, digest, shown);
  }

  /** The server has no such transaction: it must be one that was lost, and follow on what was not. */
  #lostHistory(seen: Seen, n: number, digest: string, shown: Shown): void {
    const expected = this.#onBranch(seen, n, shown);
    if (expected === undefined) {
      this.#off = undefined;
      if (this.#reads === 'unconfirmed') this.counts.unjudged += 1;
      else this.#taint(seen.at, n, 'it follows on nothing that the ledger has');
      return;
    }
    const { state, first } = expected;
    if (digestOf(state.rows()) !== digest) {
      this.#taint(seen.at, n, shown.difference(state.rows()));
      return;
    }
    this.#off = state;
    this.counts.unhappened += 1;
    const isNew = !this.#branches.has(first);
    this.#branches.add(first);
    if (isNew && this.#reads === 'confirmed') this.#found('unhappened', seen.at, `${first} is not in the ledger`, n);
  }

  #onBranch(seen: Seen, n: number, shown: Shown): { state: State; first: string } | undefined {
    const entries = shown.entries();
    let known = n;
    for (let entry = entries.get(known); entry !== undefined && !this.#truth.has(entry); entry = entries.get(known)) {
      known -= 1;
    }
    // The last common transaction is in the window, or there is none before the first one.
    const common = entries.get(known);
    if (common === undefined && known > 0) return undefined;
    const first = [...entries.values()].find((entry) => entry.n === known + 1);
    if (first === undefined) return undefined;
    const state = this.#off?.n === n - 1 && seen.source === 'transaction' ? this.#off : this.#truth.state(known);
    for (let next = state.n + 1; next <= n; next += 1) {
      const entry = entries.get(next);
      if (entry === undefined) return undefined;
      state.apply(entry);
    }
    return { state, first: `entry ${first.n} of ${first.at}` };
  }

  #connectionEnds(): void {
    for (const { view, at } of this.#ahead) {
      const { n, digest } = view;
      if (n !== null && this.#truth.digest(n) === digest) continue;
      if (this.#reads === 'unconfirmed') this.counts.unjudged += 1;
      else this.#found('unhappened', at, `the cache showed a state ${n} that the ledger does not lead to`);
    }
    this.#ahead = [];
    this.#off = undefined;
    this.#tainted = false;
    this.#differed = false;
  }

  #taint(at: number, n: number, detail: string): void {
    this.#found('split', at, `no state of the ledger: ${detail}`, n);
    this.#tainted = true;
  }

  #found(kind: ViolationKind, at: number | undefined, detail: string, n?: number): void {
    this.violations.push({ kind, detail, ...(at === undefined ? {} : { at }), ...(n === undefined ? {} : { n }) });
  }
}
