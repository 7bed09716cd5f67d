import type { RowText } from './rows.ts';
import { digestOf, type Entry, stateAfter } from './state.ts';
import type { Violation } from './violations.ts';

/** What the server has in the end, asked over HTTP. */
export interface ServerEnd {
  readonly ledger: readonly Entry[];
  /** The rows of the public tables. */
  readonly rows: readonly RowText[];
}

/** What became of the calls of a writer. */
export interface WriterRecord {
  readonly writer: number;
  /** Nonces whose call was acknowledged on a connection with confirmed reads. */
  readonly acknowledged: readonly number[];
  /** Calls that were refused or given up, in words. */
  readonly failed: readonly string[];
}

/** Judges the server by itself: its tables against its ledger, and its ledger against what it has acknowledged. */
export function checkServer(end: ServerEnd, writers: readonly WriterRecord[]): Violation[] {
  const violations: Violation[] = [];
  const ledger = [...end.ledger].sort((one, other) => one.n - other.n);
  const outOfPlace = ledger.find((entry, index) => entry.n !== index + 1);
  if (outOfPlace !== undefined) {
    violations.push({ kind: 'server', detail: `the ledger is not numbered from 1 on: see entry ${outOfPlace.n}` });
    return violations;
  }
  if (digestOf(stateAfter(ledger).rows()) !== digestOf(end.rows)) {
    violations.push({ kind: 'server', detail: 'the public tables are not what the ledger adds up to' });
  }
  const done = new Map<number, number>();
  for (const { n, writer, nonce } of ledger) {
    const last = done.get(writer) ?? 0;
    if (nonce !== last + 1) {
      violations.push({ kind: 'unacknowledged', n, detail: `call ${nonce} of writer ${writer} came after ${last}` });
    }
    done.set(writer, nonce);
  }
  for (const { writer, acknowledged, failed } of writers) {
    const lost = acknowledged.filter((nonce) => nonce > (done.get(writer) ?? 0));
    if (lost.length > 0) {
      const detail = `${lost.length} acknowledged calls of writer ${writer} are not in the ledger, from ${lost[0]} on`;
      violations.push({ kind: 'unacknowledged', detail });
    }
    for (const detail of failed) violations.push({ kind: 'unacknowledged', detail: `writer ${writer}: ${detail}` });
  }
  return violations;
}
