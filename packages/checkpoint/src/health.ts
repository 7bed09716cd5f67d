import type { Database } from 'better-sqlite3';
import { nativeCode } from './errors.ts';
import { tablesOf } from './migrations.ts';

/** What is wrong with a database file. */
export interface Damage {
  readonly class: 'unreadable' | 'inconsistent';
  readonly detail: string;
}

/** Looks for damage. Reads the whole file once (SQLite's quick_check), then every watermark. */
export function findDamage(sqlite: Database): Damage | undefined {
  try {
    const rows = sqlite.prepare<[], { quick_check: string }>('pragma quick_check(1)').all();
    const verdict = rows[0]?.quick_check ?? 'no answer';
    if (verdict !== 'ok') return { class: 'unreadable', detail: verdict };
    return findInconsistency(sqlite);
  } catch (cause) {
    const damage = damageOf(cause);
    if (damage === undefined) throw cause;
    return damage;
  }
}

/** The damage that an error of SQLite tells of, if it does. */
export function damageOf(cause: unknown): Damage | undefined {
  const code = nativeCode(cause);
  const isDamage = code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';
  return isDamage ? { class: 'unreadable', detail: code } : undefined;
}

/** One transaction wrote events and watermark, so they agree, or somebody else wrote the file. */
function findInconsistency(sqlite: Database): Damage | undefined {
  if (!tablesOf(sqlite).includes('streams')) return undefined;
  // A file of the first schema is looked at before it is brought up to date: all its streams are dense.
  const isDense = hasColumn(sqlite, 'generations', 'gaps_allowed') ? 'g.gaps_allowed = 0' : '1';
  const wrong = sqlite
    .prepare<[], { stream_id: string }>(
      `select stream_id from (
         select s.stream_id, s.seq, g.id, g.base_seq, ${isDense} as is_dense,
           (select min(seq) from events where generation = g.id) as lowest,
           (select max(seq) from events where generation = g.id) as highest
         from streams s left join generations g on g.id = s.generation)
       where id is null or seq < base_seq
       or seq is not coalesce(highest, base_seq)
       or lowest <= base_seq
       or (is_dense and seq > base_seq and lowest is not base_seq + 1)
       limit 1`,
    )
    .get();
  if (wrong === undefined) return undefined;
  return { class: 'inconsistent', detail: `watermark and events of "${wrong.stream_id}" do not agree` };
}

function hasColumn(sqlite: Database, table: string, column: string): boolean {
  const query = 'select 1 from pragma_table_info(?) where name = ?';
  return sqlite.prepare<[string, string]>(query).get(table, column) !== undefined;
}
