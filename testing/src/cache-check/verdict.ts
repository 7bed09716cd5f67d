import type { RecordFindings } from './check-record.ts';
import { type FaultKind, type FaultMark, faultKinds } from './faults.ts';
import type { ClientName, Reads } from './record.ts';
import type { Violation } from './violations.ts';

export type Verdict = 'pass' | 'fail' | 'inconclusive';

/** A subscriber and what was found in its record. */
export interface JudgedSubscriber {
  readonly name: string;
  readonly number: number;
  readonly client: ClientName;
  readonly reads: Reads;
  readonly findings: RecordFindings;
}

/** Everything that the verdict is made from. */
export interface Evidence {
  readonly subscribers: readonly JudgedSubscriber[];
  /** Of the server and the writers, and of processes that ended by themselves. */
  readonly others: readonly Violation[];
  /** Transactions in the server's ledger in the end. */
  readonly transactions: number;
  /** How many logs the server keeps: one, or one for each stream. */
  readonly logs: number;
  readonly wanted: readonly FaultKind[];
  readonly marks: readonly FaultMark[];
  /** Whether nobody but the check could kill the server. */
  readonly ownServer: boolean;
}

/** A finding and who made it. */
export interface Finding extends Violation {
  readonly who: string;
}

export interface Judgement {
  readonly verdict: Verdict;
  /** Why nothing can be said; empty unless the verdict is inconclusive. */
  readonly reasons: readonly string[];
  readonly findings: readonly Finding[];
  /** Histories that unconfirmed reads showed and the server has lost. */
  readonly lostHistories: number;
}

/** Less than this proves nothing. */
const fewest = { transactions: 50, states: 20 };

/** Fails on any finding; passes only when there was enough to see. */
export function judge(evidence: Evidence): Judgement {
  const { subscribers, others, marks } = evidence;
  const findings: Finding[] = others.map((violation) => ({ who: 'server', ...violation }));
  for (const { name, findings: own } of subscribers) {
    for (const violation of own.violations) findings.push({ who: name, ...violation });
  }
  const branches = new Set(subscribers.flatMap(({ findings: own }) => own.branches));
  const kills = marks.filter(({ kind }) => kind === 'kill-server').length;
  // Each kill can cut each log short once. More than that was never there.
  if (evidence.ownServer && branches.size > kills * evidence.logs) {
    const detail = `${branches.size} histories were shown and lost, and the server was killed ${kills} times`;
    findings.push({ who: 'all', kind: 'unhappened', detail });
  }
  const reasons = shortcomings(evidence);
  const verdict = findings.length > 0 ? 'fail' : reasons.length > 0 ? 'inconclusive' : 'pass';
  return { verdict, reasons: verdict === 'inconclusive' ? reasons : [], findings, lostHistories: branches.size };
}

function shortcomings({ subscribers, transactions, wanted, marks }: Evidence): string[] {
  const reasons: string[] = [];
  if (subscribers.length === 0) reasons.push('nobody subscribed');
  if (wanted.length === 0) reasons.push('no fault was asked for');
  if (transactions < fewest.transactions) {
    reasons.push(`only ${transactions} transactions were made, of at least ${fewest.transactions}`);
  }
  for (const { name, findings } of subscribers) {
    const { states } = findings.counts;
    if (states < fewest.states) reasons.push(`${name} showed only ${states} states, of at least ${fewest.states}`);
  }
  for (const kind of wanted) {
    if (!marks.some((mark) => mark.kind === kind))
      reasons.push(`${kind} never had an effect (${faultKinds[kind].text})`);
  }
  return reasons;
}
