import type { Database } from 'better-sqlite3';
import { nativeCode } from './errors.ts';

/** What is wrong with a database file. */
export interface Damage {
  readonly reason: 'corrupt' | 'inconsistent';
  readonly detail: string;
}

/** Looks for damage. Reads the whole file once (SQLite's quick_check), then every watermark. */
export function findDamage(sqlite: Database): Damage | undefined {
  try {
    const rows = sqlite.prepare<[], { quick_check: string }>('pragma quick_check(1)').all();
    const verdict = rows[0]?.quick_check ?? 'no answer';
    if (verdict !== 'ok') return { reason: 'corrupt', detail: verdict };
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
  return isDamage ? { reason: 'corrupt', detail: code } : undefined;
}

/** One transaction wrote events and watermark, so they agree, or somebody else wrote the file. */
function findInconsistency(sqlite: Database): Damage | undefined {
  const isEmpty = sqlite.prepare("select 1 from sqlite_master where name = 'streams'").get() === undefined;
  if (isEmpty) return undefined;
  const wrong = sqlite
    .prepare<[], { stream_id: string }>(
      `select s.stream_id from streams s left join generations g on g.id = s.generation
       where g.id is null or s.seq < g.base_seq
       or s.seq is not coalesce((select max(seq) from events where generation = g.id), g.base_seq)
       or (s.seq > g.base_seq and
           g.base_seq + 1 is not (select min(seq) from events where generation = g.id))
       limit 1`,
    )
    .get();
  if (wrong === undefined) return undefined;
  return { reason: 'inconsistent', detail: `watermark and events of "${wrong.stream_id}" do not agree` };
}
