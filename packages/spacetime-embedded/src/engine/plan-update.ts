import type { AlgebraicType } from 'spacetimedb';
import type { TableDefinition } from './database.ts';
import type { ModuleSchema, TableSchema } from './module-schema.ts';

/** What it takes to bring the rows of one module under another. */
export interface UpdatePlan {
  /** Why it cannot be done; empty when it can. */
  readonly refusals: readonly string[];
  /** What will be done, for people. */
  readonly steps: readonly string[];
  /** Whether clients that were built for the old module may not understand the new one. */
  readonly breaksClients: boolean;
  /** Whether stored rows change, or the set of tables does. */
  readonly rewrites: boolean;
}

/**
 * Compares two modules by the rules of upstream's automatic migrations: tables come, and go when they are empty; columns
 * are added at the end with a default; indexes, constraints, sequences, access, views and rules change. Nothing else.
 */
export function planUpdate(before: ModuleSchema, after: ModuleSchema): UpdatePlan {
  const refusals: string[] = [];
  const steps: string[] = [];
  let breaksClients = false;
  let rewrites = before.shape !== after.shape;
  const breaking = (step: string) => {
    breaksClients = true;
    steps.push(step);
  };
  const newTables = byName(after.tables);
  const oldTables = byName(before.tables);
  for (const [name, table] of oldTables) {
    const other = newTables.get(name);
    if (other === undefined) {
      breaking(`Remove the table ${name}, which must be empty`);
      continue;
    }
    if (table.definition.isEvent !== other.definition.isEvent) {
      refusals.push(`Changing the event flag of table ${name} requires a manual migration`);
    } else if (table.definition.isEvent) {
      if (columnsText(table) !== columnsText(other)) breaking(`Change the columns of the event table ${name}`);
    } else {
      const added = compareColumns(table, other, refusals);
      for (const column of added) breaking(`Add the column ${column} to table ${name}`);
    }
    if (table.definition.isPublic !== other.definition.isPublic) {
      steps.push(`Make the table ${name} ${other.definition.isPublic ? 'public' : 'private'}`);
    }
    if (indexText(table) !== indexText(other)) steps.push(`Change indexes or constraints of table ${name}`);
  }
  for (const name of newTables.keys()) if (!oldTables.has(name)) steps.push(`Add the table ${name}`);
  const views = (schema: ModuleSchema) => new Map(schema.views.map(({ definition }) => [definition.name, definition]));
  const newViews = views(after);
  for (const [name, view] of views(before)) {
    const other = newViews.get(name);
    if (other === undefined) breaking(`Remove the view ${name}`);
    else if (viewText(view) !== viewText(other)) breaking(`Change the view ${name}`);
  }
  const rules = (schema: ModuleSchema) => [...schema.definition.rowLevelSecurity].sort().join('\n');
  if (rules(before) !== rules(after)) breaking('Change the row-level rules');
  rewrites ||= refusals.length > 0;
  return { refusals, steps, breaksClients, rewrites };
}

/** The names of the columns that are new. */
function compareColumns(before: TableSchema, after: TableSchema, refusals: string[]): readonly string[] {
  const { name, columns } = before.definition;
  const others = after.definition.columns;
  for (const [position, column] of columns.entries()) {
    const found = others.findIndex((other) => other.name === column.name);
    const other = others[found];
    if (other === undefined) {
      refusals.push(`Removing a column ${column.name} from table ${name} requires a manual migration`);
    } else if (found !== position) {
      refusals.push(`Reordering table ${name} requires a manual migration`);
    } else if (!isUpgradable(column.type, other.type)) {
      refusals.push(`Changing the type of column ${column.name} in table ${name} requires a manual migration`);
    }
  }
  const added = others.flatMap((column, position) =>
    columns.some((known) => known.name === column.name) ? [] : [{ name: column.name, position }],
  );
  for (const column of added) {
    if (after.defaults.has(column.position)) continue;
    refusals.push(`Adding a column ${column.name} to table ${name} requires a default value annotation`);
  }
  return added.map((column) => column.name);
}

/**
 * Whether a value of one type is one of the other. Sums may get variants without a payload at their end: then neither
 * the bytes nor the size of what is stored change. Upstream allows more where the layout in memory stays the same.
 */
function isUpgradable(before: AlgebraicType, after: AlgebraicType): boolean {
  if (before.tag === 'Sum' && after.tag === 'Sum') {
    const { variants } = before.value;
    const added = after.value.variants.slice(variants.length);
    return (
      after.value.variants.length >= variants.length &&
      variants.every(({ name, algebraicType }, tag) => {
        const other = after.value.variants[tag];
        return other !== undefined && other.name === name && isUpgradable(algebraicType, other.algebraicType);
      }) &&
      added.every(({ algebraicType: type }) => type.tag === 'Product' && type.value.elements.length === 0)
    );
  }
  if (before.tag === 'Product' && after.tag === 'Product') {
    const { elements } = before.value;
    return (
      after.value.elements.length === elements.length &&
      elements.every(({ name, algebraicType }, position) => {
        const other = after.value.elements[position];
        return other !== undefined && other.name === name && isUpgradable(algebraicType, other.algebraicType);
      })
    );
  }
  if (before.tag === 'Array' && after.tag === 'Array') return isUpgradable(before.value, after.value);
  return JSON.stringify(before) === JSON.stringify(after);
}

function byName(tables: readonly TableSchema[]): ReadonlyMap<string, TableSchema> {
  return new Map(tables.map((table) => [table.definition.name, table]));
}

function columnsText({ definition }: TableSchema): string {
  return JSON.stringify(definition.columns.map(({ name, type }) => [name, type]));
}

function indexText({ definition, uniqueIndexes }: TableSchema): string {
  return JSON.stringify([definition.indexes, definition.primaryKey, uniqueIndexes.map(({ columns }) => columns)]);
}

function viewText({ columns, isAnonymous, isPublic }: TableDefinition): string {
  return JSON.stringify([isAnonymous, isPublic, columns.map(({ name, type }) => [name, type])]);
}
