import type { ChainHash } from '@autopilot/sync-contract';
import Database from 'better-sqlite3';
import { ProjectionError } from './errors.ts';

/** What the publisher has sent of one stream. */
export interface StreamChain {
  readonly stream_id: string;
  /** Events accepted so far; the sequence of the last one where this publisher is the stream's only writer. */
  readonly count: number;
  readonly chain: ChainHash;
}

/** An event that control refused for good. The journal still has its entry. */
export interface DeadEvent {
  readonly journal_id: string;
  readonly entry_id: number;
  readonly topic: string;
  readonly kind: string;
  readonly idempotency_key: string;
  readonly code: string;
  readonly message: string;
}

/** What one batch changes, all of it or nothing. */
export interface PublisherStep {
  readonly journal_id: string;
  readonly cursor: bigint;
  readonly published: number;
  readonly duplicates: number;
  readonly chains: readonly StreamChain[];
  readonly dead: readonly DeadEvent[];
}

/** Where the publisher is, on disk. */
export interface PublisherState {
  /** The position in a journal; 0n for one that was never read. */
  cursor(journalId: string): bigint;
  totals(): { readonly published: number; readonly duplicates: number };
  chains(): readonly StreamChain[];
  dead(): readonly DeadEvent[];
  commit(step: PublisherStep): void;
  close(): void;
}

const schema = `
create table if not exists position (journal_id text primary key, cursor integer not null) strict;
create table if not exists total (id integer primary key check (id = 1), published integer not null, duplicates integer not null) strict;
create table if not exists chain (stream_id text primary key, count integer not null, chain text not null) strict;
create table if not exists dead (
  journal_id text not null, entry_id integer not null, topic text not null, kind text not null,
  idempotency_key text not null, code text not null, message text not null,
  primary key (topic, idempotency_key)
) strict;
insert or ignore into total values (1, 0, 0);
`;

/**
 * Opens the state, or makes it.
 *
 * @throws {ProjectionError} `state_locked` or `state_unusable`.
 */
export function openPublisherState(file: string): PublisherState {
  const db = openDatabase(file);
  const read = {
    cursor: db.prepare('select cursor from position where journal_id = ?').safeIntegers(),
    totals: db.prepare('select published, duplicates from total'),
    chains: db.prepare('select stream_id, count, chain from chain order by stream_id'),
    dead: db.prepare('select * from dead order by rowid'),
  };
  const write = {
    cursor: db.prepare('insert into position values (?, ?) on conflict do update set cursor = excluded.cursor'),
    totals: db.prepare('update total set published = published + ?, duplicates = duplicates + ?'),
    chain: db.prepare(
      'insert into chain values (@stream_id, @count, @chain) on conflict do update set count = excluded.count, chain = excluded.chain',
    ),
    dead: db.prepare(
      'insert or replace into dead values (@journal_id, @entry_id, @topic, @kind, @idempotency_key, @code, @message)',
    ),
  };
  const commit = db.transaction((step: PublisherStep) => {
    write.cursor.run(step.journal_id, step.cursor);
    write.totals.run(step.published, step.duplicates);
    for (const chain of step.chains) write.chain.run(chain);
    for (const event of step.dead) write.dead.run(event);
  });
  return {
    cursor: (journalId) => (read.cursor.get(journalId) as { readonly cursor: bigint } | undefined)?.cursor ?? 0n,
    totals: () => read.totals.get() as ReturnType<PublisherState['totals']>,
    chains: () => read.chains.all() as StreamChain[],
    dead: () => read.dead.all() as DeadEvent[],
    commit: (step) => commit.immediate(step),
    close: () => db.close(),
  };
}

function openDatabase(file: string): Database.Database {
  let db: Database.Database | undefined;
  try {
    db = new Database(file, { timeout: 0 });
    db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.exec(`begin immediate; ${schema} commit;`);
    return db;
  } catch (cause) {
    db?.close();
    const busy = (cause as { readonly code?: unknown }).code === 'SQLITE_BUSY';
    const what = busy ? 'is in use' : 'cannot be opened';
    const code = busy ? 'state_locked' : 'state_unusable';
    throw new ProjectionError(code, `The publisher state ${file} ${what}.`, { cause });
  }
}
