import spacetimedb from './schema.ts';

// One rule per table and no join: a row matched by two rules would be sent twice, and a join would have to read a
// private table, which the caller's rights do not reach.

export const live_inbox_visibility = spacetimedb.clientVisibilityFilter.sql(
  'SELECT * FROM live_inbox WHERE recipient = :sender',
);
export const stream_notice_visibility = spacetimedb.clientVisibilityFilter.sql(
  'SELECT * FROM stream_notice WHERE recipient = :sender',
);
export const append_receipt_visibility = spacetimedb.clientVisibilityFilter.sql(
  'SELECT * FROM append_receipt WHERE recipient = :sender',
);
export const transient_signal_visibility = spacetimedb.clientVisibilityFilter.sql(
  'SELECT * FROM transient_signal WHERE recipient = :sender',
);
