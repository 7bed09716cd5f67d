import {
  DbConnectionImpl,
  procedures,
  reducers,
  SubscriptionBuilderImpl,
  schema,
  setGlobalLogLevel,
  t,
  table,
} from 'spacetimedb';
import { eventTable, type PublicTable, publicTables } from './rows.ts';

// Every connection says that it connects.
setGlobalLogLevel('error');

const bare = { indexes: [], constraints: [] };

// What `spacetime generate` would write for the module of the check, by the public exports that it uses too.
const tables = schema({
  head: table({ name: 'head', ...bare } as never, t.row({ id: t.u32().primaryKey(), n: t.u64() })),
  account: table(
    { name: 'account', ...bare } as never,
    t.row({ id: t.u32().primaryKey(), balance: t.i64(), n: t.u64() }),
  ),
  entry: table(
    { name: 'entry', ...bare } as never,
    t.row({
      n: t.u64().primaryKey(),
      ...{ writer: t.u32(), nonce: t.u64(), source: t.u32(), target: t.u32(), amount: t.u64(), at: t.u64() },
    }),
  ),
  mark: table({ name: 'mark', ...bare } as never, t.row({ slot: t.u32(), side: t.u32(), n: t.u64() })),
  happened: table({ name: eventTable, ...bare, event: true } as never, t.row({ n: t.u64() })),
});

type Config = ConstructorParameters<typeof DbConnectionImpl>[0];

// The types of the package do not fit each other under exactOptionalPropertyTypes, hence the cast and the faces below.
export const remoteModule = {
  versionInfo: { cliVersion: '2.10.1' },
  tables: tables.schemaType.tables,
  reducers: reducers().reducersType.reducers,
  ...procedures(),
} as unknown as Config['remoteModule'];

/** The connection class that the generated bindings would declare. */
export class SdkConnection extends DbConnectionImpl<Config['remoteModule']> {
  override subscriptionBuilder = (): SubscriptionBuilderImpl<Config['remoteModule']> =>
    new SubscriptionBuilderImpl(this);
}

export type SdkConfig = Config;

/** Which message a callback belongs to. */
export interface SdkContext {
  readonly event: { readonly id: string; readonly tag: string };
}

export type SdkRow = Readonly<Record<string, number | bigint>>;

/** A table of the cache, as its generated bindings would type it. */
export interface SdkTable {
  iter(): Iterable<SdkRow>;
  onInsert(callback: (context: SdkContext, row: SdkRow) => void): void;
  onDelete(callback: (context: SdkContext, row: SdkRow) => void): void;
  onUpdate(callback: (context: SdkContext, before: SdkRow, after: SdkRow) => void): void;
}

export type SdkTables = Readonly<Record<PublicTable | typeof eventTable, SdkTable>>;

/** The cells of a row in the order of the module's columns. */
export function cellsOf(tableName: PublicTable, row: SdkRow): (number | bigint)[] {
  return Object.keys(publicTables[tableName]).map((column) => row[column] ?? Number.NaN);
}
