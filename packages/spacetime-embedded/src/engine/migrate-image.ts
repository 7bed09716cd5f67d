import { Buffer } from 'node:buffer';
import type { StateImage } from './commit-log.ts';
import { EngineError } from './errors.ts';
import type { ModuleSchema, TableSchema } from './module-schema.ts';
import { isSystemTableName } from './system-table-names.ts';
import { columnKey, columnStarts } from './table-store.ts';

/**
 * The rows of one module as rows of another. The plan of the update must have no refusals.
 *
 * @throws {EngineError} `module_invalid` when rows stand against it: a table that goes is not empty, or two rows are equal
 * under a unique constraint that comes.
 */
export function migrateImage(image: StateImage, before: ModuleSchema, after: ModuleSchema): StateImage {
  const tables = image.tables.flatMap(({ name, rows }) => {
    // What the owner has set stays set.
    if (isSystemTableName(name)) return [{ name, rows }];
    const old = before.tables.find(({ definition }) => definition.name === name);
    const table = after.tables.find(({ definition }) => definition.name === name);
    if (table === undefined) {
      throw new EngineError('module_invalid', `Cannot remove table "${name}": it has ${rows.length} rows.`);
    }
    const added = table.definition.columns.slice(old?.definition.columns.length ?? 0);
    const tail = Buffer.concat(
      added.map(
        (_, index) => table.defaults.get(table.definition.columns.length - added.length + index) ?? Buffer.alloc(0),
      ),
    );
    const migrated = tail.length === 0 ? rows : rows.map((row) => Buffer.concat([row, tail]));
    checkUnique(table, migrated);
    return [{ name, rows: migrated }];
  });
  const names = new Set(after.tables.flatMap(({ sequences }) => sequences.map(({ name }) => name)));
  return {
    ...image,
    tables,
    sequences: image.sequences.filter(({ name }) => names.has(name)),
    module: { hash: after.definition.moduleHash, shape: after.shape },
  };
}

function checkUnique(table: TableSchema, rows: readonly Uint8Array[]): void {
  for (const index of table.uniqueIndexes) {
    const seen = new Set<string>();
    for (const row of rows) {
      const key = columnKey(index, row, columnStarts(table, row));
      if (seen.has(key)) {
        const columns = index.columns.map((column) => table.definition.columns[column]?.name).join(', ');
        const text = `Rows of table "${table.definition.name}" are equal in ${columns}, which is to be unique.`;
        throw new EngineError('module_invalid', text);
      }
      seen.add(key);
    }
  }
}
