import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Outbox, journal positions, seen-set, liveness and jobs. */
export const first: Migration = {
  async up(db: Kysely<unknown>) {
    const { schema } = db;
    // With a rowid, which rises: what is due at the same moment goes out in the order of being stored.
    await schema
      .createTable('events')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('key', 'text', (column) => column.notNull().unique())
      .addColumn('contents', 'text', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('quorum', 'text', (column) => column.notNull())
      .addColumn('standing', 'text', (column) => column.notNull())
      .addColumn('enqueued_at_ms', 'integer', (column) => column.notNull())
      .addColumn('settled_at_ms', 'integer')
      .modifyEnd(sql`strict`)
      .execute();
    await schema
      .createTable('deliveries')
      .addColumn('event_id', 'text', (column) => column.notNull())
      .addColumn('relay', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('tries', 'integer', (column) => column.notNull())
      .addColumn('next_at_ms', 'integer', (column) => column.notNull())
      .addColumn('since_ms', 'integer', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('message', 'text', (column) => column.notNull())
      .addColumn('updated_at_ms', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('deliveries_by_event', ['event_id', 'relay'])
      .modifyEnd(sql`strict, without rowid`)
      .execute();
    await schema.createIndex('deliveries_due').on('deliveries').columns(['relay', 'state', 'next_at_ms']).execute();
    await schema
      .createTable('journal_positions')
      .addColumn('stream_id', 'text', (column) => column.primaryKey())
      .addColumn('epoch', 'text', (column) => column.notNull())
      .addColumn('seq', 'text', (column) => column.notNull())
      .modifyEnd(sql`strict, without rowid`)
      .execute();
    await schema
      .createTable('seen')
      .addColumn('id', 'blob', (column) => column.primaryKey())
      .addColumn('hour', 'integer', (column) => column.notNull())
      .modifyEnd(sql`strict, without rowid`)
      .execute();
    await schema.createIndex('seen_by_hour').on('seen').columns(['hour']).execute();
    await schema
      .createTable('liveness')
      .addColumn('relay', 'text', (column) => column.notNull())
      .addColumn('subscription', 'text', (column) => column.notNull())
      .addColumn('live_at', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('liveness_by_name', ['relay', 'subscription'])
      .modifyEnd(sql`strict, without rowid`)
      .execute();
    await schema
      .createTable('settings')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('value', 'integer', (column) => column.notNull())
      .modifyEnd(sql`strict, without rowid`)
      .execute();
    await schema
      .createTable('jobs')
      .addColumn('role', 'text', (column) => column.notNull())
      .addColumn('request_id', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('kind', 'integer', (column) => column.notNull())
      .addColumn('customer', 'text', (column) => column.notNull())
      .addColumn('provider', 'text', (column) => column.notNull())
      .addColumn('request', 'text', (column) => column.notNull())
      .addColumn('detail', 'text', (column) => column.notNull())
      .addColumn('amount_msat', 'integer')
      .addColumn('bolt11', 'text')
      .addColumn('expires_at_ms', 'integer', (column) => column.notNull())
      .addColumn('created_at_ms', 'integer', (column) => column.notNull())
      .addColumn('updated_at_ms', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('jobs_by_request', ['role', 'request_id'])
      .modifyEnd(sql`strict, without rowid`)
      .execute();
    await schema.createIndex('jobs_by_end').on('jobs').columns(['state', 'expires_at_ms']).execute();
  },
};
