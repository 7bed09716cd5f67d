import { randomUUID } from 'node:crypto';
import Database from 'better-sqlite3';
import { CodexError } from './errors.ts';

const applicationId = 0x43_44_4a_31; // "CDJ1"

const schema = `
create table if not exists meta (journal_id text not null);
create table if not exists entry (
  entry_id integer primary key,
  boot_id text not null,
  command_seq integer,
  thread_id text,
  direction text not null,
  method text not null,
  body text not null,
  at_ms integer not null
) strict;
create trigger if not exists entry_no_update before update on entry begin select raise(abort, 'append-only'); end;
create trigger if not exists entry_no_delete before delete on entry begin select raise(abort, 'append-only'); end;
`;

/** Opens the file for this process alone and sees to it that it is a journal. Errors as of `openJournal`. */
export function openJournalDatabase(file: string): { readonly db: Database.Database; readonly journal_id: string } {
  let db: Database.Database | undefined;
  try {
    db = new Database(file, { timeout: 0 });
    // Exclusive: two lanes writing one journal would mix two sequences of commands. The kernel frees it on a crash.
    db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('journal_mode = WAL');
    // The source cannot be asked again for what a power cut would take.
    db.pragma('synchronous = FULL');
    const known = Number(db.pragma('application_id', { simple: true }));
    const tables = db.prepare('select count(*) as n from sqlite_master').get() as { readonly n: number };
    if (known !== applicationId && (known !== 0 || tables.n > 0)) {
      throw new CodexError('journal_unusable', `${file} is a database, but not a journal.`);
    }
    const opened = db;
    const journal_id = opened
      .transaction(() => {
        opened.pragma(`application_id = ${applicationId}`);
        opened.exec(schema);
        const meta = opened.prepare('select journal_id from meta').get() as { readonly journal_id: string } | undefined;
        if (meta !== undefined) return meta.journal_id;
        const fresh = randomUUID();
        opened.prepare('insert into meta values (?)').run(fresh);
        return fresh;
      })
      .immediate();
    return { db: opened, journal_id };
  } catch (cause) {
    db?.close();
    if (cause instanceof CodexError) throw cause;
    if ((cause as { readonly code?: unknown }).code === 'SQLITE_BUSY') {
      throw new CodexError('journal_locked', `The journal ${file} is in use.`, { cause });
    }
    throw new CodexError('journal_unusable', `The journal ${file} cannot be opened.`, { cause });
  }
}
