import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { columnsOf, type Dialect } from './dialect.ts';

/** The state of the cutover, what it rests on, and what was done. */
export function cutover(dialect: Dialect): Migration {
  const { counting, countingType } = columnsOf(dialect);
  return {
    async up(db) {
      await db.schema
        .createTable('cutover_state')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .addColumn('version', 'bigint', (c) => c.notNull())
        .addColumn('revision', 'bigint', (c) => c.notNull())
        .addColumn('told_revision', 'bigint', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'bigint', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('cutover_command')
        .addColumn('key', 'text', (c) => c.primaryKey())
        .addColumn('actor', 'text', (c) => c.notNull())
        .addColumn('digest', 'text', (c) => c.notNull())
        .addColumn('revision', 'bigint', (c) => c.notNull())
        .addColumn('events', 'text', (c) => c.notNull())
        .addColumn('at', 'bigint', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('cutover_audit')
        .addColumn('seq', 'bigint', (c) => c.primaryKey())
        .addColumn('hash', 'text', (c) => c.notNull())
        .addColumn('at', 'bigint', (c) => c.notNull())
        .addColumn('event', 'text', (c) => c.notNull())
        .addColumn('record', 'text', (c) => c.notNull())
        .execute();
      await appendOnly(db, dialect, 'cutover_audit');
      await db.schema
        .createTable('cutover_receipt')
        .addColumn('id', countingType, counting)
        .addColumn('digest', 'text', (c) => c.notNull().unique())
        .addColumn('gate', 'text', (c) => c.notNull())
        .addColumn('envelope', 'text', (c) => c.notNull())
        .addColumn('observation', 'text', (c) => c.notNull())
        .addColumn('signed_by', 'text', (c) => c.notNull())
        .addColumn('submitted_by', 'text', (c) => c.notNull())
        .addColumn('observed_to', 'bigint', (c) => c.notNull())
        .addColumn('received_at', 'bigint', (c) => c.notNull())
        .execute();
      await db.schema.createIndex('cutover_receipt_gate').on('cutover_receipt').columns(['gate', 'id']).execute();
      await db.schema
        .createTable('cutover_unit')
        .addColumn('unit', 'text', (c) => c.primaryKey())
        .addColumn('client_id', 'text', (c) => c.notNull())
        .addColumn('first_seen', 'bigint', (c) => c.notNull())
        .addColumn('last_seen', 'bigint', (c) => c.notNull())
        .addColumn('policy_revision', 'bigint')
        .addColumn('lane', 'text', (c) => c.notNull())
        .addColumn('rule', 'text', (c) => c.notNull())
        .addColumn('heartbeat', 'text', (c) => c.notNull())
        .addColumn('drift', 'text', (c) => c.notNull())
        .addColumn('drift_since', 'bigint')
        .addColumn('chains_equal', 'bigint', (c) => c.notNull().defaultTo(0))
        .addColumn('chains_different', 'bigint', (c) => c.notNull().defaultTo(0))
        .addColumn('lane_since', 'bigint', (c) => c.notNull())
        .execute();
      // Who was heard of lately, and who of them has which policy, without reading what they said.
      await db.schema
        .createIndex('cutover_unit_seen')
        .on('cutover_unit')
        .columns(['last_seen', 'policy_revision'])
        .execute();
      await db.schema
        .createTable('cutover_admission')
        .addColumn('position', countingType, counting)
        .addColumn('salt', 'text', (c) => c.notNull())
        .addColumn('unit', 'text', (c) => c.notNull())
        .addColumn('admitted_at', 'bigint', (c) => c.notNull())
        .addUniqueConstraint('cutover_admission_unit', ['salt', 'unit'])
        .execute();
      await db.schema
        .createTable('cutover_parity')
        .addColumn('id', countingType, counting)
        .addColumn('unit', 'text', (c) => c.notNull())
        .addColumn('pair', 'text', (c) => c.notNull())
        .addColumn('from_at', 'bigint', (c) => c.notNull())
        .addColumn('to_at', 'bigint', (c) => c.notNull())
        .addColumn('report', 'text', (c) => c.notNull())
        .addUniqueConstraint('cutover_parity_once', ['unit', 'pair', 'from_at', 'to_at'])
        .execute();
      await db.schema.createIndex('cutover_parity_time').on('cutover_parity').columns(['pair', 'to_at']).execute();
      await db.schema
        .createTable('cutover_fallback_use')
        .addColumn('id', countingType, counting)
        .addColumn('unit', 'text', (c) => c.notNull())
        .addColumn('cohort', 'text', (c) => c.notNull())
        .addColumn('at', 'bigint', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('cutover_drill')
        .addColumn('id', countingType, counting)
        .addColumn('began_at', 'bigint', (c) => c.notNull())
        .addColumn('ended_at', 'bigint')
        .addColumn('drill', 'text', (c) => c.notNull())
        .execute();
    },
  };
}

/** Lets a table only grow, whoever uses the database. */
async function appendOnly(db: Kysely<unknown>, dialect: Dialect, table: string): Promise<void> {
  if (dialect === 'sqlite') {
    for (const change of ['update', 'delete']) {
      const name = sql.ref(`${table}_no_${change}`);
      await sql`create trigger ${name} before ${sql.raw(change)} on ${sql.table(table)}
        begin select raise(abort, 'the audit log is append-only'); end`.execute(db);
    }
    return;
  }
  await sql`create function ${sql.ref(`${table}_append_only`)}() returns trigger language plpgsql as $$
    begin raise exception 'the audit log is append-only'; end $$`.execute(db);
  await sql`create trigger ${sql.ref(`${table}_append_only`)} before update or delete or truncate on ${sql.table(table)}
    for each statement execute function ${sql.ref(`${table}_append_only`)}()`.execute(db);
}
