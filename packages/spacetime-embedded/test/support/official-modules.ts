import {
  DbConnectionBuilder,
  DbConnectionImpl,
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

// What `spacetime generate` would write for modules of the conformance suite.

const point = t.object('Point', { x: t.i32(), yAxis: t.i32() });
const shade = t.enum('Shade', { plain: t.unit(), mixed: t.array(t.u8()), namedOne: t.string() });
const level = t.enum('Level', { low: t.unit(), high: t.unit() });
const every = t.row({
  id: t.u32().primaryKey(),
  flag: t.bool(),
  unsigned8: t.u8(),
  unsigned16: t.u16(),
  unsigned32: t.u32(),
  unsigned64: t.u64(),
  unsigned128: t.u128(),
  unsigned256: t.u256(),
  signed8: t.i8(),
  signed16: t.i16(),
  signed32: t.i32(),
  signed64: t.i64(),
  signed128: t.i128(),
  signed256: t.i256(),
  float32: t.f32(),
  float64: t.f64(),
  text: t.string(),
  bytes: t.byteArray(),
  identity: t.identity(),
  connection: t.connectionId(),
  moment: t.timestamp(),
  span: t.timeDuration(),
  uuid: t.uuid(),
  maybeText: t.option(t.string()),
  numbers: t.array(t.i32()),
  points: t.array(point),
  point,
  shade,
  level,
  maybePoint: t.option(point),
  at: t.scheduleAt(),
});
const player = () => t.row({ id: t.u32().primaryKey(), team: t.string(), score: t.i64() });
const options = (name: string, more: object = {}) => ({ name, indexes: [], constraints: [], ...more }) as never;

const tables = {
  types: schema({ every: table(options('every'), every) }),
  events: schema({ shout: table(options('shout', { event: true }), t.row({ text: t.string(), topic: t.string() })) }),
  views: schema({
    redPlayers: table(options('red_players'), player()),
    bluePlayers: table(options('blue_players'), player()),
    myPurse: table(options('my_purse'), t.row({ owner: t.identity(), coins: t.u32() })),
  }),
};
const calls = {
  types: reducers(reducerSchema('put', { row: every })),
  events: reducers(reducerSchema('call', { text: t.string(), topic: t.string() })),
  views: reducers(
    reducerSchema('put', { id: t.u32(), team: t.string(), score: t.i64() }),
    reducerSchema('fill', { coins: t.u32() }),
  ),
};

type Module = keyof typeof tables;
type Config = ConstructorParameters<typeof DbConnectionImpl>[0];
type AnyConnection = InstanceType<typeof DbConnectionImpl>;

class DbConnection extends DbConnectionImpl<Config['remoteModule']> {
  override subscriptionBuilder = (): SubscriptionBuilderImpl<Config['remoteModule']> =>
    new SubscriptionBuilderImpl(this);
}

interface ClientTable {
  iter(): Iterable<Readonly<Record<string, unknown>>>;
  count(): bigint;
  onInsert(callback: (context: unknown, row: Readonly<Record<string, unknown>>) => void): void;
}

/** A connection, without the types that generated bindings would give it. */
export interface OfficialConnection {
  readonly db: Readonly<Record<string, ClientTable>>;
  readonly reducers: Readonly<Record<string, (args: object) => Promise<void>>>;
  readonly procedures: Readonly<Record<string, (args: object) => Promise<unknown>>>;
  subscribe(...queries: readonly string[]): Promise<void>;
  disconnect(): void;
}

/** Connects to a database that serves a module of the suite. */
export function connectTo(url: string, database: string, module: Module, token?: string): Promise<OfficialConnection> {
  const remoteModule = {
    versionInfo: { cliVersion: '2.10.1' },
    tables: tables[module].schemaType.tables,
    reducers: calls[module].reducersType.reducers,
    ...procedures(procedureSchema('give_back', { row: every }, every as never)),
  } as unknown as Config['remoteModule'];
  return new Promise((resolve, reject) => {
    const connection: AnyConnection = new DbConnectionBuilder(
      remoteModule,
      (config) => new DbConnection(config as Config),
    )
      .withUri(url)
      .withDatabaseName(database)
      // Its own decompression loses the order of messages.
      .withCompression('none')
      .withToken(token)
      .onConnect(() => resolve(faceOf(connection)))
      .onConnectError((_context, error) => reject(error))
      .build();
  });
}

function faceOf(connection: AnyConnection): OfficialConnection {
  const { db, reducers: reducerCalls, procedures: procedureCalls } = connection as unknown as OfficialConnection;
  return {
    db,
    reducers: reducerCalls,
    procedures: procedureCalls,
    disconnect: () => connection.disconnect(),
    subscribe: (...queries) =>
      new Promise((resolve, reject) => {
        connection
          .subscriptionBuilder()
          .onApplied(() => resolve())
          .onError((context) => reject(context.event ?? new Error('the subscription failed')))
          .subscribe([...queries]);
      }),
  };
}
