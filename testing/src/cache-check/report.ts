import type { RecordCounts } from './check-record.ts';
import { type FaultKind, type FaultMark, faultKinds } from './faults.ts';
import type { CacheCheckOptions } from './options.ts';
import type { ClientName, Reads } from './record.ts';
import type { Evidence, Finding, Judgement, Verdict } from './verdict.ts';

/** What a check found: report.json. Times are milliseconds since the Unix epoch unless they are called seconds. */
export interface Report {
  readonly schema: 'cache-check/1';
  readonly verdict: Verdict;
  readonly reasons: readonly string[];
  readonly options: Omit<CacheCheckOptions, 'tokenFile' | 'out' | 'json'>;
  /** `embedded` or the address that was given. */
  readonly server: string;
  readonly from: number;
  readonly to: number;
  readonly transactions: number;
  readonly acknowledged: number;
  readonly lost_histories: number;
  readonly faults: readonly FaultCount[];
  readonly groups: readonly Group[];
  readonly findings: readonly Finding[];
  readonly marks: readonly FaultMark[];
  readonly lines: readonly PositionLine[];
}

/** How often a fault was made, and how often it had nothing to strike. */
export interface FaultCount {
  readonly kind: FaultKind;
  readonly made: number;
  readonly skipped: number;
  /** Seconds, over all of them. */
  readonly seconds: number;
}

/** Subscribers of one kind, counted together. */
export interface Group {
  readonly client: ClientName;
  readonly reads: Reads;
  readonly subscribers: number;
  readonly counts: Readonly<RecordCounts>;
  /** The longest time that one of them showed nothing new. */
  readonly longest_silence_ms: number;
  /** Findings by kind. */
  readonly findings: Readonly<Partial<Record<Finding['kind'], number>>>;
}

/** Where a subscriber stood over time. */
export interface PositionLine {
  readonly name: string;
  readonly number: number;
  readonly client: ClientName;
  readonly reads: Reads;
  readonly points: readonly { readonly at: number; readonly n: number }[];
}

export interface RunFacts {
  readonly options: CacheCheckOptions;
  readonly from: number;
  readonly to: number;
  readonly acknowledged: number;
  readonly skipped: Readonly<Partial<Record<FaultKind, number>>>;
}

export function makeReport(evidence: Evidence, judgement: Judgement, facts: RunFacts): Report {
  const { tokenFile: _token, out: _out, json: _json, ...options } = facts.options;
  const { verdict, reasons, findings, lostHistories } = judgement;
  return {
    schema: 'cache-check/1',
    ...{ verdict, reasons, options, findings },
    server: options.uri ?? 'embedded',
    ...{ from: facts.from, to: facts.to, acknowledged: facts.acknowledged },
    transactions: evidence.transactions,
    lost_histories: lostHistories,
    faults: evidence.wanted.map((kind) => {
      const made = evidence.marks.filter((mark) => mark.kind === kind);
      const seconds = made.reduce((sum, { from, to }) => sum + (to - from) / 1000, 0);
      return { kind, made: made.length, skipped: facts.skipped[kind] ?? 0, seconds: Math.round(seconds * 10) / 10 };
    }),
    groups: groupsOf(evidence, findings),
    marks: evidence.marks,
    lines: evidence.subscribers.map(({ findings: { points }, name, number, client, reads }) => ({
      ...{ name, number, client, reads, points },
    })),
  };
}

function groupsOf({ subscribers }: Evidence, findings: readonly Finding[]): Group[] {
  const groups = new Map<string, { -readonly [Key in keyof Group]: Group[Key] }>();
  for (const { client, reads, name, findings: own } of subscribers) {
    const key = `${client} ${reads}`;
    const group = groups.get(key) ?? {
      client,
      reads,
      subscribers: 0,
      counts: zero(own.counts),
      longest_silence_ms: 0,
      findings: {},
    };
    groups.set(key, group);
    group.subscribers += 1;
    group.counts = sum(group.counts, own.counts);
    group.longest_silence_ms = Math.max(group.longest_silence_ms, own.longestSilenceMs);
    for (const { who, kind } of findings) {
      if (who === name) group.findings = { ...group.findings, [kind]: (group.findings[kind] ?? 0) + 1 };
    }
  }
  return [...groups.values()];
}

function zero(like: Readonly<RecordCounts>): RecordCounts {
  return Object.fromEntries(Object.keys(like).map((key) => [key, 0])) as unknown as RecordCounts;
}

function sum(one: Readonly<RecordCounts>, other: Readonly<RecordCounts>): RecordCounts {
  const keys = Object.keys(one) as (keyof RecordCounts)[];
  return Object.fromEntries(keys.map((key) => [key, one[key] + other[key]])) as unknown as RecordCounts;
}

/** The report for a person. */
export function describeReport(report: Report): string[] {
  const { options, groups, faults, findings } = report;
  const seconds = Math.round((report.to - report.from) / 1000);
  const subscribers = groups.reduce((total, group) => total + group.subscribers, 0);
  const lines = [
    `${report.verdict}: ${subscribers} subscribers, ${seconds} s, ${report.transactions} transactions (${report.acknowledged} acknowledged), seed ${options.seed}, server ${report.server}${options.defect === undefined ? '' : `, DEFECT ${options.defect}`}`,
    ...report.reasons.map((reason) => `  inconclusive: ${reason}`),
    '',
    ...table(
      ['fault', 'made', 'skipped', 'seconds', ''],
      faults.map(({ kind, made, skipped, seconds: lasted }) => [kind, made, skipped, lasted, faultKinds[kind].text]),
    ),
    '',
    ...table(
      [
        'client',
        'reads',
        'subscribers',
        'runs',
        'snapshots',
        'transactions',
        'jumped',
        'states',
        'lost',
        'silence',
        'findings',
      ],
      groups.map(({ client, reads, subscribers: number, counts, longest_silence_ms, findings: own }) => [
        ...[client, reads, number, counts.runs, counts.snapshots, counts.transactions, counts.jumped],
        ...[
          counts.states,
          counts.unhappened,
          `${(longest_silence_ms / 1000).toFixed(1)} s`,
          Object.values(own).reduce((total, count) => total + count, 0),
        ],
      ]),
    ),
    '',
    'jumped: transactions that came inside a snapshot. states: compared whole with the ledger, and equal. lost: states that',
    `unconfirmed reads showed before the server lost them (${report.lost_histories} histories). silence: the longest without news.`,
  ];
  const byKind = Map.groupBy(findings, ({ kind }) => kind);
  for (const [kind, found] of byKind) {
    lines.push('', `${found.length} x ${kind}`);
    for (const { who, n, detail, at } of found.slice(0, 5)) {
      const when = at === undefined ? '' : ` ${((at - report.from) / 1000).toFixed(2)} s`;
      lines.push(`  ${who}${when}${n === undefined ? '' : `, transaction ${n}`}: ${detail}`);
    }
    if (found.length > 5) lines.push(`  and ${found.length - 5} more`);
  }
  return lines;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const all = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const isNumber = (column: number) => typeof rows[0]?.[column] === 'number';
  return all.map((row) =>
    row
      .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
