import type { Migration } from 'kysely/migration';

/** What the windows of comparisons add up to. Those that are stored are counted when the cutover of the store is opened. */
export const parityBuckets: Migration = {
  async up(db) {
    await db.schema.alterTable('cutover_parity').addColumn('has_samples', 'integer').execute();
    // Reports read buckets; windows are deleted by age of arrival and shown for their samples.
    await db.schema.dropIndex('cutover_parity_time').execute();
    await db.schema.createIndex('cutover_parity_kept').on('cutover_parity').columns(['has_samples', 'id']).execute();
    await db.schema
      .createTable('cutover_parity_bucket')
      .addColumn('pair', 'text', (c) => c.notNull())
      .addColumn('begins', 'bigint', (c) => c.notNull())
      .addColumn('ran', 'text', (c) => c.notNull())
      .addColumn('module_since', 'bigint', (c) => c.notNull())
      .addColumn('bucket', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('cutover_parity_bucket_key', ['pair', 'begins', 'ran', 'module_since'])
      .execute();
    await db.schema
      .createTable('cutover_parity_unit')
      .addColumn('unit', 'text', (c) => c.notNull())
      .addColumn('pair', 'text', (c) => c.notNull())
      .addColumn('begins', 'bigint', (c) => c.notNull())
      .addColumn('forgotten', 'text', (c) => c.notNull())
      .addColumn('forgotten_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('cutover_parity_unit_key', ['unit', 'pair'])
      .execute();
    await db.schema
      .createIndex('cutover_parity_unit_time')
      .on('cutover_parity_unit')
      .columns(['pair', 'begins'])
      .execute();
  },
};
