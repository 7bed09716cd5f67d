import type { Row, TableChange } from '../engine/database.ts';
import { equalities, keyOf } from '../sql/evaluate.ts';
import { comparable, type MapKey, mapKey } from '../sql/scalar.ts';
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
  | { readonly kind: 'view'; readonly table: string; readonly key: string }
  | { readonly kind: 'table'; readonly table: string };

/**
 * Finds the queries that a commit may concern without looking at the others: by (table, column, value) where the query
 * requires a column to equal a constant, by viewer for views, by table for the rest.
 *
 * The rule for the first is upstream's, on purpose: the column has an index of its own, or the equality is the only
 * condition on the table. A query that would be evaluated at every commit there is evaluated at every commit here.
 */
export class DispatchIndex<Entry extends Dispatched> {
  private readonly byValue = new Map<string, Map<number, Map<MapKey, Set<Entry>>>>();
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

  /** The queries concerned by a commit, each with the changed rows that may concern it. */
  match(changes: readonly TableChange[]): ReadonlyMap<Entry, Candidates> {
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
      for (const side of ['inserts', 'deletes'] as const) {
        for (const row of change[side]) {
          for (const [column, entries] of columns ?? []) {
            for (const entry of entries.get(mapKey(comparable(row.values[column]))) ?? []) {
              candidates(entry)[side].push(row);
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
    const columns = child(this.byValue, place.table, () => new Map(), create);
    const values = columns && child(columns, place.column, () => new Map(), create);
    return values && child(values, place.key, () => new Set(), create);
  }

  private forget(place: Place): void {
    if (place.kind === 'table') this.byTable.delete(place.table);
    else if (place.kind === 'view') this.byViewer.get(place.table)?.delete(place.key);
    else {
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
    if (key === undefined) return { kind: 'table', table: table.name };
    return { kind: 'value', table: table.name, column: key.column, key: mapKey(key.constant.value) };
  });
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
