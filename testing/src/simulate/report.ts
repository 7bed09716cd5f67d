import type { FaultKind } from './plan.ts';

/** What a run must never show. Each rule is one of these names in failures, traces and regression files. */
export const rules = {
  prefix: 'what is stored is a run of the log of its epoch, from its base on',
  chain: "the stored chain is the host's chain at that sequence",
  'no-gap': 'nothing is stored or told after a place that does not come right before it',
  'no-repeat': 'nothing is told twice, but for what a loss of power took back',
  monotone: 'in one epoch the watermark never goes back',
  durable: 'what was told is found again, and a store that was torn is found whole',
  order: 'a session hands over what follows the position that it was given, and nothing of what was before a rewind',
  transitions: 'a session moves along its table, and counts no illegal transition and no listener that threw',
  storm: 'attempts, requests for tokens and pages keep their pauses',
  terminal: 'a session stands still only for a reason that the run gave it',
  blocked: 'a stream is blocked only for a reason that the run gave it',
  divergence: 'no head of the host has another chain than the client at the same place',
  receipt: 'an appended event is where its receipt says, and what is acknowledged is in the log of the host',
  grants: 'what a session tells of the grants adds up to those of the host',
  'catch-up': 'after the last fault every stream comes to its head, and the session is live',
  'clean-close': 'after close() nothing is running, connected, asked for or told',
  crash: 'the client throws nothing',
} as const;

/** The name of a rule. */
export type Rule = keyof typeof rules;

/** The first rule that a run broke. */
export interface Violation {
  readonly rule: Rule;
  readonly message: string;
  /** Milliseconds since the start of the run. */
  readonly at: number;
}

/** What is known of a run: its trace, if it is wanted, its counts, and the first violation. */
export class Report {
  violation: Violation | undefined;
  readonly faults: Partial<Record<FaultKind, number>> = {};
  readonly seen: Record<string, number> = {};
  readonly #now: () => number;
  readonly #lines: string[] | undefined;

  /** @param now Milliseconds since the start of the run. */
  constructor(now: () => number, traced: boolean) {
    this.#now = now;
    this.#lines = traced ? [] : undefined;
  }

  get lines(): readonly string[] {
    return this.#lines ?? [];
  }

  /** One line of the trace; `text` is asked only when there is one. */
  trace(who: 'plan' | 'host' | 'client' | 'store' | 'oracle', text: () => string): void {
    this.#lines?.push(`${String(Math.round(this.#now())).padStart(8)} ms  ${who.padEnd(6)}  ${text()}`);
  }

  count(what: string, by = 1): void {
    this.seen[what] = (this.seen[what] ?? 0) + by;
  }

  fault(kind: FaultKind): void {
    this.faults[kind] = (this.faults[kind] ?? 0) + 1;
  }

  fail(rule: Rule, message: string): void {
    this.violation ??= { rule, message, at: this.#now() };
    this.trace('oracle', () => `VIOLATION ${rule}: ${message}`);
  }
}
