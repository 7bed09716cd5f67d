import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Streams that leave sequences out, and the bounds of quarantine and resets. */
export const bounds: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('generations')
      .addColumn('gaps_allowed', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema
      .createTable('audit_overflow')
      .addColumn('scope', 'integer', (column) => column.notNull())
      .addColumn('stream_id', 'text', (column) => column.notNull())
      .addColumn('of', 'text', (column) => column.notNull())
      .addColumn('times', 'integer', (column) => column.notNull())
      .addColumn('last_reason', 'text', (column) => column.notNull())
      .addColumn('first_at_ms', 'integer', (column) => column.notNull())
      .addColumn('last_at_ms', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('audit_overflow_by_stream', ['scope', 'stream_id', 'of'])
      .modifyEnd(sql`strict, without rowid`)
      .execute();
  },
};
