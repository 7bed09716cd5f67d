import type { Clock } from '@autopilot/sync-contract';
import type { Store } from './open-store.ts';
import { storedNow } from './stored-time.ts';

/** What the audit log speaks of. */
export type AuditKind =
  | 'token.issued'
  | 'token.refused'
  | 'projection.refused'
  | 'dead.parked'
  | 'dead.retried'
  | 'dead.discarded'
  | 'key.rotated'
  | 'mirror.cleared'
  | 'bridge.job.paid'
  | 'nostr.challenged'
  | 'nostr.proved'
  | 'nostr.bound'
  | 'nostr.unbound'
  | 'nostr.refused';

/** One audit record. No secrets and no tokens. */
export interface AuditRecord {
  readonly event: AuditKind;
  readonly client_id?: string | undefined;
  readonly subject?: string | undefined;
  /** A code: `issued`, or the code of the refusal. */
  readonly reason: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Appends to the audit log. */
export type Audit = (record: AuditRecord) => Promise<void>;

/** An audit log in the store. */
export function createAudit(store: Store, clock: Clock): Audit {
  return async (record) => {
    await store.db
      .insertInto('audit_event')
      .values(auditRow(record, storedNow(clock)))
      .execute();
  };
}

/** The row of a record, for a transaction that writes more than it. `at` in milliseconds since the Unix epoch. */
export function auditRow(record: AuditRecord, at: number) {
  return {
    at,
    event: record.event,
    client_id: record.client_id ?? null,
    subject: record.subject ?? null,
    reason: record.reason,
    details: JSON.stringify(record.details ?? {}),
  };
}
