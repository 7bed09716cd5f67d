import type { Migration } from 'kysely/migration';
import { columnsOf, type Dialect } from './dialect.ts';

/** Events on their way to khala, while there is a lane to leave. */
export function mirror(dialect: Dialect): Migration {
  const { counting, countingType, streamId } = columnsOf(dialect);
  return {
    async up(db) {
      await db.schema
        .alterTable('stream')
        .addColumn('mirror', 'text', (c) => c.notNull().defaultTo('off'))
        .execute();
      await db.schema.alterTable('stream').addColumn('mirror_reason', 'text').execute();
      await db.schema.alterTable('stream').addColumn('mirror_seq', 'text').execute();
      await db.schema
        .createTable('mirror')
        .addColumn('position', countingType, counting)
        .addColumn('stream_id', streamId, (c) => c.notNull())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('payload', 'text', (c) => c.notNull())
        .addColumn('idempotency_key', 'text', (c) => c.notNull())
        .addColumn('accepted_at', 'bigint', (c) => c.notNull())
        .addUniqueConstraint('mirror_stream_key', ['stream_id', 'idempotency_key'])
        .execute();
      await db.schema.createIndex('mirror_stream').on('mirror').columns(['stream_id', 'position']).execute();
      await db.schema
        .createTable('lease')
        .addColumn('name', 'text', (c) => c.primaryKey())
        .addColumn('holder', 'text', (c) => c.notNull())
        .addColumn('until', 'bigint', (c) => c.notNull())
        .execute();
    },
  };
}
