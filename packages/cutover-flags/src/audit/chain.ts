import { isPayloadHash, type PayloadHash, payloadHash } from '@autopilot/sync-contract';
import { type AuditEntry, type AuditHead, type AuditRecord, auditGenesis } from './record.ts';

/** What `verifyAudit` found. The first bad record only: after it nothing can be said. */
export type AuditVerdict =
  | { readonly ok: true; readonly head: AuditHead }
  | {
      readonly ok: false;
      /** Place in the list, from 0; the length of the list when records are missing at its end. */
      readonly index: number;
      readonly problem: AuditProblem;
      readonly reason: string;
    };

/**
 * `malformed`: no record. `changed`: its hash is not that of its members. `removed`: records before it are missing.
 * `reordered`: it is not in its place. `truncated`: records are missing at the end. `forked`: the end is another one.
 */
export type AuditProblem = 'malformed' | 'changed' | 'removed' | 'reordered' | 'truncated' | 'forked';

/**
 * The record that follows `previous` ({@link auditGenesis} for the first).
 *
 * @throws {SyncError} `unrepresentable` when `data` is not plain JSON.
 */
export function appendAudit(previous: AuditHead, entry: AuditEntry): AuditRecord {
  const { at, actor, event, revision, from, to, reason, evidence, data } = entry;
  const seq = previous.seq + 1;
  const body = { seq, previous: previous.hash, at, actor, event, revision, from, to, reason, evidence, data };
  return { ...body, hash: payloadHash(body) };
}

/** Verifies a whole chain from its first record; with `expectedHead` also that its end is there. Never throws. */
export function verifyAudit(records: readonly unknown[], expectedHead?: AuditHead): AuditVerdict {
  let head = auditGenesis;
  // Whether a record stands somewhere after the place in question decides between removed and reordered.
  const seqs = records.map((record) => (isRecordLike(record) ? record.seq : null));
  for (const [index, record] of records.entries()) {
    const bad = (problem: AuditProblem, reason: string): AuditVerdict => ({ ok: false, index, problem, reason });
    if (!isRecordLike(record)) return bad('malformed', 'This is no audit record.');
    if (record.hash !== hashOf(record)) return bad('changed', `Record ${record.seq} was changed after it was written.`);
    if (record.seq !== head.seq + 1) {
      const wanted = head.seq + 1;
      return record.seq > wanted && !seqs.includes(wanted, index)
        ? bad('removed', `Record ${wanted} is missing before record ${record.seq}.`)
        : bad('reordered', `Record ${record.seq} stands where record ${wanted} belongs.`);
    }
    if (record.previous !== head.hash) {
      return bad('changed', `Record ${record.seq} does not follow the record before it: one of them was replaced.`);
    }
    head = { seq: record.seq, hash: record.hash };
  }
  if (expectedHead === undefined || (expectedHead.seq === head.seq && expectedHead.hash === head.hash)) {
    return { ok: true, head };
  }
  const problem = head.seq < expectedHead.seq ? 'truncated' : 'forked';
  const reason = `The chain ends with record ${head.seq} (${head.hash}), not with ${expectedHead.seq} (${expectedHead.hash}).`;
  return { ok: false, index: records.length, problem, reason };
}

interface RecordLike {
  readonly seq: number;
  readonly previous: string;
  readonly hash: PayloadHash;
}

function isRecordLike(value: unknown): value is RecordLike {
  if (typeof value !== 'object' || value === null) return false;
  const { seq, previous, hash } = value as Record<string, unknown>;
  return Number.isSafeInteger(seq) && typeof previous === 'string' && typeof hash === 'string' && isPayloadHash(hash);
}

function hashOf(record: RecordLike): PayloadHash | null {
  const { hash: _, ...body } = record;
  try {
    return payloadHash(body);
  } catch {
    return null;
  }
}
