import type { Clock } from '@autopilot/sync-contract';
import type Database from 'better-sqlite3';
import { CodexError } from './errors.ts';
import { openJournalDatabase } from './journal-database.ts';

/** `lane` entries are the lane's own: its lifecycle. */
type EntryDirection = 'from-server' | 'to-server' | 'lane';

/** One entry of the journal. */
export interface JournalEntry {
  /** 1 for the first, then dense, for the life of the file. */
  readonly entry_id: bigint;
  /** One run of the source: a process start or a replay. */
  readonly boot_id: string;
  /** The client's request that the entry is or answers, from 1 within a boot; null for everything else. */
  readonly command_seq: number | null;
  readonly thread_id: string | null;
  readonly direction: EntryDirection;
  /** The method of the message; of an answer, the method it answers. */
  readonly method: string;
  /** JSON text. */
  readonly body: string;
  /** Milliseconds since the Unix epoch by the clock of the journal. */
  readonly at_ms: number;
}

/** An entry before the journal gives it its place and time. */
export type EntryDraft = Omit<JournalEntry, 'entry_id' | 'at_ms'>;

/** What a consumer of the journal needs. */
export interface JournalReader {
  /** Names the file's content: another journal has another id, whatever its path. */
  readonly journal_id: string;
  /** Entries after a position, in order, at most `limit`. */
  readAfter(entryId: bigint, limit: number): readonly JournalEntry[];
  /** The last entry_id; 0n when empty. */
  head(): bigint;
  /** Calls back after entries became durable. A listener that throws disturbs nobody. Returns the way to stop it. */
  onAppend(listener: (head: bigint) => void): () => void;
}

/** The lane's own record of what went over the wire: append-only, durable when `append` returns. */
export interface Journal extends JournalReader {
  /**
   * Appends drafts in one transaction and returns the last entry_id.
   *
   * @throws {CodexError} `journal_unusable` when the file cannot be written; then none of them is in it.
   */
  append(...drafts: readonly EntryDraft[]): bigint;
  close(): void;
}

interface Row extends Omit<JournalEntry, 'command_seq' | 'at_ms'> {
  readonly command_seq: bigint | null;
  readonly at_ms: bigint;
}

const columns = 'entry_id, boot_id, command_seq, thread_id, direction, method, body, at_ms';

/**
 * Opens a journal, or makes it.
 *
 * @throws {CodexError} `journal_locked` while another process or opener has it, `journal_unusable` for a file that is
 * no journal or cannot be written.
 */
export function openJournal({ file, clock }: { readonly file: string; readonly clock: Clock }): Journal {
  const { db, journal_id } = openJournalDatabase(file);
  const insert: Database.Statement = db.prepare(
    `insert into entry (${columns}) values (@entry_id, @boot_id, @command_seq, @thread_id, @direction, @method, @body, @at_ms)`,
  );
  const select = db.prepare(`select ${columns} from entry where entry_id > ? order by entry_id limit ?`).safeIntegers();
  const last = db.prepare('select coalesce(max(entry_id), 0) as head from entry').safeIntegers();
  const listeners = new Set<(head: bigint) => void>();
  let head = (last.get() as { readonly head: bigint }).head;

  const insertAll = db.transaction((drafts: readonly EntryDraft[]) => {
    const at_ms = clock.now();
    let entry_id = head;
    for (const draft of drafts) {
      entry_id += 1n;
      insert.run({ ...draft, entry_id, at_ms });
    }
    return entry_id;
  });

  return {
    journal_id,
    append(...drafts) {
      try {
        // The head moves only when the transaction is on disk, so that a failed append leaves no hole.
        head = insertAll.immediate(drafts);
      } catch (cause) {
        throw new CodexError('journal_unusable', `The journal ${file} could not be written.`, { cause });
      }
      for (const listener of listeners) {
        try {
          listener(head);
        } catch {
          // The reader's failure is the reader's: the lane must not notice it.
        }
      }
      return head;
    },
    readAfter: (entryId, limit) => (select.all(entryId, limit) as Row[]).map(toEntry),
    head: () => head,
    onAppend(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      listeners.clear();
      db.close();
    },
  };
}

function toEntry(row: Row): JournalEntry {
  const command_seq = row.command_seq === null ? null : Number(row.command_seq);
  return { ...row, command_seq, at_ms: Number(row.at_ms) };
}
