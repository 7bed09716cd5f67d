import type { JsonObject, PayloadHash } from '@autopilot/sync-contract';
import type { Stage } from '../stage.ts';

/** Where a cutover stands, as far as an audit record tells it. */
export interface AuditPlace {
  readonly stage: Stage;
  readonly percent: number;
  readonly sealed: boolean;
}

/** What happened: who, when, from, to, why, on which evidence. Times are milliseconds since the Unix epoch. */
export interface AuditEntry {
  readonly at: number;
  readonly actor: string;
  /** What happened, e.g. `flip_started`. */
  readonly event: string;
  /** Of the state after it. */
  readonly revision: number;
  readonly from: AuditPlace;
  readonly to: AuditPlace;
  readonly reason: string;
  /** Digests of the receipts it rests on. */
  readonly evidence: readonly string[];
  /** What else belongs to it: plain JSON. */
  readonly data: JsonObject;
}

/** One link of the chain. */
export interface AuditRecord extends AuditEntry {
  /** 1 for the first. */
  readonly seq: number;
  /** Hash of the record before; that of the first is {@link auditGenesis}. */
  readonly previous: PayloadHash;
  /** Over all other members. */
  readonly hash: PayloadHash;
}

/** The last record that is known of: with it a chain that was cut short is found out. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: PayloadHash;
}

/** What the first record follows. */
export const auditGenesis: AuditHead = {
  seq: 0,
  hash: 'sha256:0000000000000000000000000000000000000000000000000000000000000000',
};
