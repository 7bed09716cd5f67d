/** Where what a case checks is written down. */
export interface Section {
  readonly title: string;
  /** A page of the public documentation; undefined where it says nothing of the matter. */
  readonly docs: string | undefined;
  /** The file of the public source that decides it, in clockworklabs/SpacetimeDB. */
  readonly source: string;
}

const docs = 'https://spacetimedb.com/docs';
const section = (title: string, page: string | undefined, source: string): Section => ({
  title,
  docs: page === undefined ? undefined : `${docs}${page}`,
  source,
});

/** The sections of the specification, by the id by which cases name them. CONFORMANCE.md has the same table. */
export const sections = {
  'http.identity': section('Identity routes', '/http/identity', 'crates/client-api/src/routes/identity.rs'),
  'http.database': section('Database routes', '/http/database', 'crates/client-api/src/routes/database.rs'),
  'http.authorization': section('Authorization of requests', '/http/authorization', 'crates/client-api/src/auth.rs'),
  'http.call': section('Calls over HTTP', '/http/database', 'crates/client-api/src/routes/database.rs'),
  'http.logs': section('Logs of a module', '/http/database', 'crates/core/src/database_logger.rs'),
  'sats.json': section('SATS-JSON', '/sats-json', 'crates/sats/src/ser/serde.rs'),
  'sats.bsatn': section('BSATN', '/bsatn', 'crates/sats/src/bsatn'),
  'auth.tokens': section('Tokens and identities', '/core-concepts/authentication', 'crates/auth/src/identity.rs'),
  'auth.validation': section(
    'Validation of tokens',
    '/core-concepts/authentication',
    'crates/core/src/auth/token_validation.rs',
  ),
  'ws.upgrade': section('The websocket upgrade', undefined, 'crates/client-api/src/routes/subscribe.rs'),
  'ws.frames': section('Framing and compression', undefined, 'crates/core/src/client/messages.rs'),
  'ws.messages': section('Messages', undefined, 'crates/client-api-messages/src/websocket/v2.rs'),
  'ws.subscriptions': section(
    'Subscriptions',
    '/clients/subscriptions/semantics',
    'crates/core/src/subscription/module_subscription_manager.rs',
  ),
  'ws.order': section('Order and own changes', '/clients/subscriptions/semantics', 'crates/core/src/subscription'),
  'ws.limits': section('Close codes and limits', undefined, 'crates/client-api/src/routes/subscribe.rs'),
  'sql.subscriptions': section('SQL of subscriptions', '/reference/sql', 'crates/sql-parser/src/parser/sub.rs'),
  'sql.http': section('SQL over HTTP', '/reference/sql', 'crates/sql-parser/src/parser/sql.rs'),
  'sql.literals': section('Literals', '/reference/sql', 'crates/expr/src/lib.rs'),
  'sql.variables': section('System variables', '/reference/sql', 'crates/core/src/estimation.rs'),
  'sql.system': section('System tables', undefined, 'crates/datastore/src/system_tables.rs'),
  'store.rows': section('Tables as sets of rows', '/tables', 'crates/datastore/src/locking_tx_datastore/mut_tx.rs'),
  'store.indexes': section('Indexes', '/tables/indexes', 'crates/table/src/table_index'),
  'store.sequences': section(
    'Sequences',
    '/tables/auto-increment',
    'crates/datastore/src/locking_tx_datastore/sequence.rs',
  ),
  'store.events': section('Event tables', '/tables/event-tables', 'crates/datastore/src/locking_tx_datastore'),
  'store.access': section('Public and private tables', '/tables/access-permissions', 'crates/expr/src/check.rs'),
  'module.reducers': section('Reducers', '/functions/reducers', 'crates/core/src/host/v8/mod.rs'),
  'module.names': section('Names', '/tables', 'crates/schema/src/def/validate/v10.rs'),
  'module.abi': section('What the host gives a module', '/functions/reducers', 'crates/core/src/host/v8/syscall'),
  'module.lifecycle': section(
    'Lifecycle reducers',
    '/functions/reducers/lifecycle',
    'crates/core/src/host/module_host.rs',
  ),
  'module.schedules': section('Schedule tables', '/tables/schedule-tables', 'crates/core/src/host/scheduler.rs'),
  'module.views': section('Views', '/functions/views', 'crates/core/src/host/module_host.rs'),
  'module.procedures': section('Procedures', '/functions/procedures', 'crates/core/src/host/instance_env.rs'),
  'module.routes': section('HTTP handlers', '/functions/http-handlers', 'crates/client-api/src/routes/database.rs'),
  'module.visibility': section('Client visibility filters', '/how-to/rls', 'crates/expr/src/rls.rs'),
  'module.migrations': section(
    'Automatic migrations',
    '/databases/automatic-migrations',
    'crates/schema/src/auto_migrate.rs',
  ),
} as const satisfies Record<string, Section>;

/** The id of a section. */
export type SectionId = keyof typeof sections;
