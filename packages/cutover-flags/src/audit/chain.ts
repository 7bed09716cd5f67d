import type { AuditEntry, AuditHead, AuditRecord } from './record.ts';

/** What `verifyAudit` found. The first bad record only: after it nothing can be said. */
export type AuditVerdict =
  | { readonly ok: true; readonly head: AuditHead }
  | {
      readonly ok: false;
      /** Place in the list, from 0; the length of the list when records are missing at its end. */
      readonly index: number;
      readonly problem: 'malformed' | 'changed' | 'removed' | 'reordered' | 'truncated';
      readonly reason: string;
    };

/** The record that follows `previous` (auditGenesis for the first). */
export function appendAudit(_previous: AuditHead, _entry: AuditEntry): AuditRecord {
  throw new Error('not yet');
}

/** Verifies a whole chain from its first record; with `expectedHead` also that its end is there. Never throws. */
export function verifyAudit(_records: readonly unknown[], _expectedHead?: AuditHead): AuditVerdict {
  throw new Error('not yet');
}
