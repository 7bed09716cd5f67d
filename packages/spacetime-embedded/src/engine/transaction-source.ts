import type { RowSource } from '../sql/evaluate.ts';
import type { TableDefinition } from './database.ts';
import { pointRange } from './scan-bounds.ts';
import type { TableStore } from './table-store.ts';
import type { Transaction } from './transaction.ts';

/** The rows that a transaction sees, for SQL. Views have none. */
export function transactionSource(tx: Transaction, stores: readonly TableStore[]): RowSource {
  const storeOf = (table: TableDefinition): TableStore => {
    const store = stores[table.id - 1];
    if (store?.schema.definition !== table) throw new Error(`"${table.name}" is not a table`);
    if (table.isEvent) throw new Error(`"${table.name}" is an event table`);
    return store;
  };
  return {
    rows: (table) => tx.scan(storeOf(table)),
    rowsByColumn: (table, column, key) => {
      const store = storeOf(table);
      const index = store.schema.indexes.find(
        (candidate) => candidate.columns[0] === column && (candidate.ranges || candidate.columns.length === 1),
      );
      return index === undefined ? undefined : tx.range(store, index, pointRange(index, key, 1));
    },
  };
}
