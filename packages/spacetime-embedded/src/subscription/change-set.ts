import type { Row, TableChange, TableDefinition, ViewArgument } from '../engine/database.ts';

/** Rows that a commit brought and took away. */
export interface RowChanges {
  readonly inserts: readonly Row[];
  readonly deletes: readonly Row[];
}

/** Nothing. */
const noChanges: RowChanges = { inserts: [], deletes: [] };

/** The changes of a table or of one materialisation of a view. */
export function changesOf(
  tables: readonly TableChange[],
  table: TableDefinition,
  arg: ViewArgument | undefined,
): RowChanges {
  return tables.find((change) => change.table.name === table.name && change.arg === arg) ?? noChanges;
}
