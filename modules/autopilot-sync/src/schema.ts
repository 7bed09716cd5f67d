import { schema } from 'spacetimedb/server';
import * as eventTables from './event-tables.ts';
import * as publicTables from './public-tables.ts';
import * as tables from './tables.ts';

// Table names are given in their canonical snake_case, so that accessor, source and wire name are one.
const spacetimedb = schema({ ...tables, ...publicTables, ...eventTables });
export default spacetimedb;

// Read off the schema's own signatures: naming ReducerCtx<...> of it fails under exactOptionalPropertyTypes, because the
// package's own table types do not satisfy their constraint there.
type Lifecycle = Parameters<typeof spacetimedb.init>[1];

/** What reducers, and the transactions of procedures, run in. */
export type Ctx = Parameters<Lifecycle>[0];
type Db = Ctx['db'];
/** The tables for reading, as views and reducers both have them. */
export interface Tables {
  readonly module_config: { readonly id: Pick<Db['module_config']['id'], 'find'> };
  readonly stream_grant: { readonly identity: Pick<Db['stream_grant']['identity'], 'filter'> };
}

export type StreamRow = NonNullable<ReturnType<Db['sync_stream']['stream_id']['find']>>;
export type EventRow = Parameters<Db['sync_event']['insert']>[0];
export type GrantRow = NonNullable<ReturnType<Db['stream_grant']['id']['find']>>;
export type WatchRow = NonNullable<ReturnType<Db['stream_watch']['id']['find']>>;
export type BindingRow = NonNullable<ReturnType<Db['nostr_binding']['pubkey']['find']>>;
export type PresenceRow = NonNullable<ReturnType<Db['session_presence']['id']['find']>>;
