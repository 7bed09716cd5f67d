import type { SyncEvent } from '@autopilot/sync-contract';
import Sqlite from 'better-sqlite3';

/** Rows of a prepared insert, one transaction a batch: nothing is decoded, decided, hashed or checked. */
export interface BareTable {
  write(batch: readonly SyncEvent[]): void;
  /** Rows in the table. */
  count(): number;
  close(): void;
}

/** @param indexes Those of the store: sequences and idempotency keys are unique; or those of sequences only. */
export function openBareTable(file: string, indexes: 'of the store' | 'sequence only'): BareTable {
  const db = new Sqlite(file);
  db.pragma('journal_mode = wal');
  db.pragma('synchronous = normal');
  db.exec(`create table events (generation integer not null, seq integer not null, kind text not null,
    payload text not null, payload_hash text not null, idempotency_key text not null, committed_at integer not null,
    unique (generation, seq)${indexes === 'of the store' ? ', unique (generation, idempotency_key)' : ''}) strict`);
  const insert = db.prepare('insert into events values (?, ?, ?, ?, ?, ?, ?)');
  const writeAll = db.transaction((batch: readonly SyncEvent[]) => {
    for (const event of batch) {
      const { seq, kind, payload, payload_hash, idempotency_key, committed_at } = event;
      insert.run(1n, seq, kind, payload, payload_hash, idempotency_key, committed_at);
    }
  });
  return {
    write: (batch) => writeAll.immediate(batch),
    count: () => Number(db.prepare<[], { rows: number }>('select count(*) as rows from events').get()?.rows),
    close: () => db.close(),
  };
}
