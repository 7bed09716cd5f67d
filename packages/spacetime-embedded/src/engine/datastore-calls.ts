import type { Buffer } from 'node:buffer';
import { BsatnFault, lengthAt } from './bsatn-walk.ts';
import type { ActiveCall, CallSession } from './call-session.ts';
import type { IndexSchema, TableSchema } from './module-schema.ts';
import { prepareRow } from './prepare-row.ts';
import { pointRange, scanRange } from './scan-bounds.ts';
import type { StoredRow } from './stored-row.ts';
import { ArgumentOutOfRange, BufferTooSmall, bufferOf, text, u32, wholeBuffer } from './sys-arguments.ts';
import { SysError } from './sys-error.ts';
import { columnStarts, type KeyRange, type TableStore } from './table-store.ts';
import type { Transaction } from './transaction.ts';

interface Open {
  readonly call: ActiveCall;
  readonly tx: Transaction;
}

type Sys = (...args: unknown[]) => unknown;

/** The system functions that read and write tables. */
export function datastoreCalls(session: CallSession): Readonly<Record<string, Sys>> {
  const { schema, stores, sequences } = session.host;

  const open = (): Open => {
    const call = session.active;
    if (call?.tx === undefined) throw new SysError('notInTransaction');
    return { call, tx: call.tx };
  };
  const openForWriting = (): Open => {
    const opened = open();
    if (opened.call.kind === 'view') throw new SysError('transactionIsReadOnly');
    return opened;
  };
  const storeOf = (id: unknown, { call }: Open): TableStore => {
    const store = stores[u32(id, 'table_id') - 1];
    if (store === undefined) throw new SysError('noSuchTable');
    // Not an error that a view may catch: upstream has no event tables in views at all.
    if (call.kind === 'view' && store.schema.definition.isEvent) {
      throw new Error(`a view reads the event table "${store.schema.definition.name}"`);
    }
    return store;
  };
  const indexOf = (id: unknown, opened: Open): { index: IndexSchema; store: TableStore } => {
    const index = schema.indexes[u32(id, 'index_id') - 1];
    if (index === undefined) throw new SysError('noSuchIndex');
    return { index, store: storeOf(index.table.definition.id, opened) };
  };
  const point = (id: unknown, buffer: unknown, length: unknown, opened: Open): StoredRow[] => {
    const { index, store } = indexOf(id, opened);
    const rows = opened.tx.range(store, index, pointRange(index, bufferOf(buffer, length, 'point')));
    return index.unique ? rows : session.host.shuffle(rows);
  };
  const range = (args: unknown[], opened: Open): StoredRow[] => {
    const [id, buffer, prefixLength, prefixColumns, startLength, endLength] = args;
    const { index, store } = indexOf(id, opened);
    if (!index.ranges) throw new SysError('noRangeScans');
    return opened.tx.range(store, index, readRange(index, buffer, prefixLength, prefixColumns, startLength, endLength));
  };
  const deleteRows = ({ tx }: Open, store: TableStore, rows: readonly StoredRow[]): number => {
    for (const row of rows) tx.delete(store, row);
    return rows.length;
  };
  const takeRow = (store: TableStore, bytes: Buffer, call: ActiveCall): { row: Buffer; generated: Buffer } =>
    prepareRow(store, sequences, bytes, call.timestamp);

  return {
    table_id_from_name: (name) => {
      open();
      const table = schema.tablesByName.get(text(name, 'name'));
      if (table === undefined) throw new SysError('noSuchTable');
      return table.definition.id;
    },
    index_id_from_name: (name) => {
      open();
      const index = schema.indexesByName.get(text(name, 'name'));
      if (index === undefined) throw new SysError('noSuchIndex');
      return index.id;
    },
    datastore_table_row_count: (table) => {
      const opened = open();
      return BigInt(opened.tx.count(storeOf(table, opened)));
    },
    datastore_table_scan_bsatn: (table) => {
      const opened = open();
      return session.addIterator(opened.call, session.host.shuffle(opened.tx.scan(storeOf(table, opened))));
    },
    datastore_index_scan_point_bsatn: (index, buffer, length) => {
      const opened = open();
      return session.addIterator(opened.call, point(index, buffer, length, opened));
    },
    datastore_index_scan_range_bsatn: (...args) => {
      const opened = open();
      return session.addIterator(opened.call, range(args, opened));
    },
    row_iter_bsatn_advance: (id, buffer) => {
      const iterators = session.active?.iterators;
      const iterator = iterators?.get(u32(id, 'iter'));
      if (iterators === undefined || iterator === undefined) throw new SysError('noSuchIter');
      const written = writeRows(iterator, wholeBuffer(buffer, 'buffer'));
      if (iterator.at < iterator.rows.length) return written;
      iterators.delete(u32(id, 'iter'));
      // Negative: these rows were the last.
      return written === 0 ? 0 : -written;
    },
    row_iter_bsatn_close: (id) => {
      // The garbage collector of the module calls this at any time; then there is nothing left to close.
      if (session.active === undefined) return;
      if (!session.active.iterators.delete(u32(id, 'iter'))) throw new SysError('noSuchIter');
    },
    datastore_insert_bsatn: (table, buffer, length) => {
      const opened = openForWriting();
      const store = storeOf(table, opened);
      const { row, generated } = takeRow(store, bufferOf(buffer, length, 'row'), opened.call);
      opened.tx.insert(store, row);
      return generated.copy(wholeBuffer(buffer, 'row'));
    },
    datastore_update_bsatn: (table, indexId, buffer, length) => {
      const opened = openForWriting();
      const store = storeOf(table, opened);
      const { index } = indexOf(indexId, opened);
      if (index.table !== store.schema) throw new SysError('noSuchIndex');
      if (!index.unique) throw new SysError('indexNotUnique');
      const { row, generated } = takeRow(store, bufferOf(buffer, length, 'row'), opened.call);
      opened.tx.update(store, index, row);
      return generated.copy(wholeBuffer(buffer, 'row'));
    },
    datastore_delete_by_index_scan_point_bsatn: (index, buffer, length) => {
      const opened = openForWriting();
      return deleteRows(opened, indexOf(index, opened).store, point(index, buffer, length, opened));
    },
    datastore_delete_by_index_scan_range_bsatn: (...args) => {
      const opened = openForWriting();
      return deleteRows(opened, indexOf(args[0], opened).store, range(args, opened));
    },
    datastore_delete_all_by_eq_bsatn: (table, buffer, length) => {
      const opened = openForWriting();
      const store = storeOf(table, opened);
      let deleted = 0;
      for (const bytes of readRows(store.schema, bufferOf(buffer, length, 'relation'))) {
        const row = opened.tx.find(store, bytes);
        if (row !== undefined) deleted += deleteRows(opened, store, [row]);
      }
      return deleted;
    },
    datastore_clear: (table) => {
      const opened = openForWriting();
      const store = storeOf(table, opened);
      return BigInt(deleteRows(opened, store, opened.tx.scan(store)));
    },
  };
}

function readRange(
  index: IndexSchema,
  buffer: unknown,
  prefixLength: unknown,
  prefixColumns: unknown,
  startLength: unknown,
  endLength: unknown,
): KeyRange {
  const [prefix, start, end] = [
    u32(prefixLength, 'prefix_len'),
    u32(startLength, 'rstart_len'),
    u32(endLength, 'rend_len'),
  ];
  const bytes = wholeBuffer(buffer, 'buffer');
  if (prefix + start + end > bytes.length) {
    throw new ArgumentOutOfRange('length argument was out of bounds for `ArrayBuffer`');
  }
  return scanRange(index, bytes, prefix, u32(prefixColumns, 'prefix_elems'), start, end);
}

function writeRows(iterator: { readonly rows: readonly StoredRow[]; at: number }, into: Buffer): number {
  let written = 0;
  for (; iterator.at < iterator.rows.length; iterator.at += 1) {
    const bytes = iterator.rows[iterator.at]?.bytes as Buffer;
    if (written + bytes.length > into.length) {
      if (written === 0) throw new BufferTooSmall(bytes.length);
      break;
    }
    bytes.copy(into, written);
    written += bytes.length;
  }
  return written;
}

function readRows(schema: TableSchema, bytes: Buffer): Buffer[] {
  const count = lengthAt(bytes, 0);
  if (count > bytes.length) throw new BsatnFault('the relation has fewer rows than it says');
  const out: Buffer[] = [];
  let at = 4;
  for (let index = 0; index < count; index += 1) {
    const end = columnStarts(schema, bytes, at).at(-1) ?? at;
    out.push(bytes.subarray(at, end));
    at = end;
  }
  return out;
}
