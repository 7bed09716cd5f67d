import type { Row, TableChange, TableDefinition } from '../engine/database.ts';
import { equalities, keyOf, type RowSource } from '../sql/evaluate.ts';
import { bsatn, comparable, type MapKey, mapKey } from '../sql/scalar.ts';
import type { SubscriptionQuery } from '../sql/subscription-query.ts';

/** A query that is evaluated for commits. */
export interface Dispatched {
  readonly query: SubscriptionQuery;
}

/** The changed rows that may concern a query. */
export interface Candidates {
  readonly inserts: Row[];
  readonly deletes: Row[];
}

/** Where a query is entered for one of its tables. */
type Place =
  | { readonly kind: 'value'; readonly table: string; readonly column: number; readonly key: MapKey }
  | { readonly kind: 'edge'; readonly table: string; readonly edge: Edge; readonly key: MapKey }
  | { readonly kind: 'view'; readonly table: string; readonly key: string }
  | { readonly kind: 'table'; readonly table: string };

/** How a row of one table leads to the one row of another table whose column must equal a constant. */
interface Edge {
  readonly own: number;
  readonly other: TableDefinition;
  readonly otherJoin: number;
  readonly otherColumn: number;
}

/** The queries of joins that go along one edge, by the constant. */
interface EdgeEntries<Entry> {
  readonly edge: Edge;
  readonly byKey: Map<MapKey, Set<Entry>>;
}

/**
 * Finds the queries that a commit may concern without looking at the others: by (table, column, value) where the query
 * requires a column to equal a constant, by the row that a changed row joins with where that one must equal a constant,
 * by viewer for views, by table for the rest.
 *
 * The rules for the first two are upstream's, on purpose: the column has an index of its own, or the equality is the only
 * condition on the table; and the column that the other table joins by is unique there. A query that would be evaluated at every commit there is evaluated at every commit here.
 */
export class DispatchIndex<Entry extends Dispatched> {
  private readonly byValue = new Map<string, Map<number, Map<MapKey, Set<Entry>>>>();
  private readonly byEdge = new Map<string, Map<string, EdgeEntries<Entry>>>();
  private readonly byViewer = new Map<string, Map<string, Set<Entry>>>();
  private readonly byTable = new Map<string, Set<Entry>>();

  add(entry: Entry): void {
    for (const place of places(entry.query)) this.set(place, true)?.add(entry);
  }

  remove(entry: Entry): void {
    for (const place of places(entry.query)) {
      const set = this.set(place, false);
      set?.delete(entry);
      if (set?.size === 0) this.forget(place);
    }
  }

  /** The queries concerned by a commit, each with the changed rows that may concern it. The source is as after it. */
  match(source: RowSource, changes: readonly TableChange[]): ReadonlyMap<Entry, Candidates> {
    const found = new Map<Entry, Candidates>();
    const candidates = (entry: Entry) => {
      const known = found.get(entry);
      if (known !== undefined) return known;
      const created = { inserts: [], deletes: [] };
      found.set(entry, created);
      return created;
    };
    for (const change of changes) {
      const columns = this.byValue.get(change.table.name);
      const edges = this.byEdge.get(change.table.name);
      for (const side of ['inserts', 'deletes'] as const) {
        for (const row of change[side]) {
          for (const [column, entries] of columns ?? []) {
            for (const entry of entries.get(mapKey(comparable(row.values[column]))) ?? []) {
              candidates(entry)[side].push(row);
            }
          }
          // What joined with it before and does so no longer has changed as well, and leads to the query by itself.
          for (const { edge, byKey } of edges?.values() ?? []) {
            for (const other of partnersOf(source, change.table, row, edge)) {
              for (const entry of byKey.get(mapKey(comparable(other.values[edge.otherColumn]))) ?? []) {
                candidates(entry)[side].push(row);
              }
            }
          }
        }
      }
      const whole = [
        ...(this.byTable.get(change.table.name) ?? []),
        ...((change.arg === undefined ? undefined : this.byViewer.get(change.table.name)?.get(change.arg)) ?? []),
      ];
      for (const entry of whole) {
        const { inserts, deletes } = candidates(entry);
        for (const row of change.inserts) inserts.push(row);
        for (const row of change.deletes) deletes.push(row);
      }
    }
    return found;
  }

  private set(place: Place, create: boolean): Set<Entry> | undefined {
    if (place.kind === 'table') return child(this.byTable, place.table, () => new Set(), create);
    if (place.kind === 'view') {
      const viewers = child(this.byViewer, place.table, () => new Map(), create);
      return viewers && child(viewers, place.key, () => new Set(), create);
    }
    if (place.kind === 'edge') {
      const { edge } = place;
      const edges = child(this.byEdge, place.table, () => new Map(), create);
      const entries = edges && child(edges, nameOf(edge), () => ({ edge, byKey: new Map() }), create);
      return entries && child(entries.byKey, place.key, () => new Set(), create);
    }
    const columns = child(this.byValue, place.table, () => new Map(), create);
    const values = columns && child(columns, place.column, () => new Map(), create);
    return values && child(values, place.key, () => new Set(), create);
  }

  private forget(place: Place): void {
    if (place.kind === 'table') this.byTable.delete(place.table);
    else if (place.kind === 'view') this.byViewer.get(place.table)?.delete(place.key);
    else if (place.kind === 'edge') {
      const edges = this.byEdge.get(place.table);
      const entries = edges?.get(nameOf(place.edge));
      entries?.byKey.delete(place.key);
      if (entries?.byKey.size === 0) edges?.delete(nameOf(place.edge));
    } else {
      const columns = this.byValue.get(place.table);
      const values = columns?.get(place.column);
      values?.delete(place.key);
      // An empty column would still cost a lookup for each changed row.
      if (values?.size === 0) columns?.delete(place.column);
    }
  }
}

function places(query: SubscriptionQuery): Place[] {
  return query.tables.map(({ table, arg }, index) => {
    if (arg !== undefined) return { kind: 'view', table: table.name, key: arg };
    const key = keyOf(query, index) ?? onlyCondition(query, index);
    if (key !== undefined) {
      return { kind: 'value', table: table.name, column: key.column, key: mapKey(key.constant.value) };
    }
    return edgePlace(query, index) ?? { kind: 'table', table: table.name };
  });
}

/** Undefined when the other table of the join does not narrow the query, or a row may join with many rows of it. */
function edgePlace(query: SubscriptionQuery, index: number): Place | undefined {
  const [own, other] = [query.tables[index], query.tables[1 - index]];
  if (query.join === undefined || query.tables.length !== 2 || own === undefined || other === undefined) {
    return undefined;
  }
  const key = keyOf(query, 1 - index);
  const [here, there] = index === 0 ? [query.join.left, query.join.right] : [query.join.right, query.join.left];
  const isUnique = other.table.indexes.some(
    ({ columns, unique }) => unique && columns.length === 1 && columns[0] === there.column,
  );
  if (key === undefined || other.arg !== undefined || !isUnique) return undefined;
  const edge = { own: here.column, other: other.table, otherJoin: there.column, otherColumn: key.column };
  return { kind: 'edge', table: own.table.name, edge, key: mapKey(key.constant.value) };
}

function nameOf({ own, other, otherJoin, otherColumn }: Edge): string {
  return `${own} ${other.name} ${otherJoin} ${otherColumn}`;
}

/** The rows that a row joins with now: at most one, the column being unique. */
function partnersOf(source: RowSource, table: TableDefinition, row: Row, edge: Edge): Iterable<Row> {
  const type = table.columns[edge.own]?.type;
  if (type === undefined) return [];
  return source.rowsByColumn(edge.other, edge.otherJoin, bsatn(type, row.values[edge.own])) ?? [];
}

function onlyCondition(query: SubscriptionQuery, table: number): ReturnType<typeof keyOf> {
  const [equality] = equalities(query, table);
  if (equality === undefined || query.tables.length > 1 || query.conditions.length > 1) return undefined;
  return { column: equality.left.column, constant: equality.right };
}

function child<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value, create: boolean): Value | undefined {
  const known = map.get(key);
  if (known !== undefined || !create) return known;
  const made = make();
  map.set(key, made);
  return made;
}
