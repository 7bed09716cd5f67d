import {
  DbConnectionBuilder,
  DbConnectionImpl,
  procedures,
  reducers,
  SubscriptionBuilderImpl,
  schema,
  setGlobalLogLevel,
  t,
  table,
} from 'spacetimedb';

// Every connection says that it connects.
setGlobalLogLevel('warn');

type Config = ConstructorParameters<typeof DbConnectionImpl>[0];

class DbConnection extends DbConnectionImpl<Config['remoteModule']> {
  override subscriptionBuilder = (): SubscriptionBuilderImpl<Config['remoteModule']> =>
    new SubscriptionBuilderImpl(this);
}

/** What generated bindings say of the table that the frames are about. */
export interface Binding {
  readonly table: 'event_log' | 'live_inbox' | 'public_event';
  /** Whether `seq` is the primary key: without one, the client keeps rows under the Base64 text of their bytes. */
  readonly primaryKey: boolean;
  /** Whether it is an event table: its rows are told and never kept. */
  readonly event: boolean;
}

/** A connection, with its table as `db.rows`. */
export type OfficialConnection = InstanceType<typeof DbConnection>;

/** What begins a connection of the official client with these bindings. */
export function officialBuilder(binding: Binding) {
  return new DbConnectionBuilder(remoteModuleOf(binding), (config) => new DbConnection(config as Config));
}

/** The table of a connection. */
export function rowsOf(connection: OfficialConnection): ClientTable {
  return (connection.db as unknown as Record<'rows', ClientTable>).rows;
}

/** What is used of a table. */
export interface ClientTable {
  count(): bigint;
  onInsert(callback: (context: unknown, row: unknown) => void): void;
}

const logColumns = {
  stream_id: t.string(),
  seq: t.u64(),
  kind: t.string(),
  payload: t.string(),
  payload_hash: t.string(),
  idempotency_key: t.string(),
  committed_at: t.timestamp(),
};

const inboxColumns = {
  recipient: t.identity(),
  stream_id: t.string(),
  epoch: t.string(),
  seq: t.u64(),
  kind: t.string(),
  payload: t.string(),
  inline: t.bool(),
  payload_hash: t.string(),
  idempotency_key: t.string(),
  committed_at: t.timestamp(),
  chain: t.string(),
};

const { recipient: _, ...ofPublic } = inboxColumns;
const publicColumns = { segment_key: t.string(), ...ofPublic };

const columnsOf = { event_log: logColumns, live_inbox: inboxColumns, public_event: publicColumns } as const;

/** What `spacetime generate` would write, by the public exports that it uses too; the table is `db.rows`. */
function remoteModuleOf({ table: name, primaryKey, event }: Binding): Config['remoteModule'] {
  const keyed = { ...columnsOf[name], seq: primaryKey ? t.u64().primaryKey() : t.u64() };
  const { schemaType } = schema({
    rows: table({ name, indexes: [], constraints: [], event } as never, t.row(keyed as typeof logColumns)),
  });
  // The types of the package do not fit each other under exactOptionalPropertyTypes, hence the cast.
  return {
    versionInfo: { cliVersion: '2.10.1' },
    tables: schemaType.tables,
    reducers: reducers().reducersType.reducers,
    ...procedures(),
  } as unknown as Config['remoteModule'];
}
