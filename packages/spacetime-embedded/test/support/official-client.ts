import {
  DbConnectionBuilder,
  DbConnectionImpl,
  type Identity,
  procedureSchema,
  procedures,
  reducerSchema,
  reducers,
  SubscriptionBuilderImpl,
  schema,
  setGlobalLogLevel,
  t,
  table,
} from 'spacetimedb';

// Every connection says that it connects.
setGlobalLogLevel('warn');

// What `spacetime generate` would write for the module of inbox-module.ts, by the public exports that it uses too.
const tables = schema({
  player: table(
    { name: 'player', indexes: [], constraints: [] } as never,
    t.row({ id: t.u32().primaryKey(), team: t.string(), score: t.i64() }),
  ),
  note: table(
    { name: 'note', indexes: [], constraints: [] } as never,
    t.row({ recipient: t.identity(), text: t.string() }),
  ),
  secrets: table({ name: 'secrets', indexes: [], constraints: [] } as never, t.row({ id: t.u32() })),
  liveInbox: table(
    { name: 'live_inbox', indexes: [], constraints: [], event: true } as never,
    t.row({ recipient: t.identity(), streamId: t.string().name('stream_id'), seq: t.u64() }),
  ),
});

const calls = reducers(
  reducerSchema('add_player', { id: t.u32(), team: t.string(), score: t.i64() }),
  reducerSchema('say', { recipient: t.identity(), streamId: t.string(), seq: t.u64() }),
  reducerSchema('write_note', { recipient: t.identity(), text: t.string() }),
  reducerSchema('refuse', {}),
);

type AnyConnection = InstanceType<typeof DbConnectionImpl>;
type Config = ConstructorParameters<typeof DbConnectionImpl>[0];

// The types of the package do not fit each other under exactOptionalPropertyTypes, hence the cast and the face below.
const remoteModule = {
  versionInfo: { cliVersion: '2.10.1' },
  tables: tables.schemaType.tables,
  reducers: calls.reducersType.reducers,
  ...procedures(procedureSchema('total', { bonus: t.i64() }, t.i64())),
} as unknown as Config['remoteModule'];

class DbConnection extends DbConnectionImpl<Config['remoteModule']> {
  override subscriptionBuilder = (): SubscriptionBuilderImpl<Config['remoteModule']> =>
    new SubscriptionBuilderImpl(this);
}

interface ClientTable<Row> {
  iter(): Iterable<Row>;
  count(): bigint;
  onInsert(callback: (context: unknown, row: Row) => void): void;
  onDelete(callback: (context: unknown, row: Row) => void): void;
}

/** A connection as its generated bindings would type it. */
export interface Connection {
  readonly db: {
    readonly player: ClientTable<{ id: number; team: string; score: bigint }>;
    readonly note: ClientTable<{ recipient: Identity; text: string }>;
    readonly secrets: ClientTable<{ id: number }>;
    readonly liveInbox: ClientTable<{ recipient: Identity; streamId: string; seq: bigint }>;
  };
  readonly reducers: {
    addPlayer(args: { id: number; team: string; score: bigint }): Promise<void>;
    say(args: { recipient: Identity; streamId: string; seq: bigint }): Promise<void>;
    writeNote(args: { recipient: Identity; text: string }): Promise<void>;
    refuse(args: object): Promise<void>;
  };
  readonly procedures: { total(args: { bonus: bigint }): Promise<bigint> };
  disconnect(): void;
}

/** A connection that is established. */
export interface Connected {
  readonly db: Connection;
  readonly identity: Identity;
  readonly token: string;
  readonly closed: Promise<unknown>;
  subscribe(...queries: readonly string[]): Promise<void>;
}

export interface ConnectOptions {
  readonly compression?: 'gzip' | 'none';
  readonly token?: string;
  readonly confirmed?: boolean;
}

/** Connects to the database `test-db`; rejects when the connection is refused or ends before it stands. */
export function connectOfficial(url: string, options: ConnectOptions = {}): Promise<Connected> {
  const { compression = 'gzip', token, confirmed = true } = options;
  return new Promise((resolve, reject) => {
    let ended: (value: unknown) => void = reject;
    const closed = new Promise<unknown>((end) => {
      ended = (value) => {
        end(value);
        reject(value);
      };
    });
    const connection: AnyConnection = new DbConnectionBuilder(
      remoteModule,
      (config) => new DbConnection(config as Config),
    )
      .withUri(url)
      .withDatabaseName('test-db')
      .withCompression(compression)
      .withConfirmedReads(confirmed)
      .withToken(token)
      .onConnect((_connection, identity, issued) =>
        resolve({
          db: connection as unknown as Connection,
          identity,
          token: issued,
          closed,
          subscribe: (...queries) => subscribe(connection, queries),
        }),
      )
      .onConnectError((_context, error) => reject(error))
      .onDisconnect((_context, error) => ended(error ?? new Error('disconnected')))
      .build();
  });
}

function subscribe(connection: AnyConnection, queries: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    connection
      .subscriptionBuilder()
      .onApplied(() => resolve())
      .onError((context) => reject(context.event ?? new Error('the subscription failed')))
      .subscribe([...queries]);
  });
}
