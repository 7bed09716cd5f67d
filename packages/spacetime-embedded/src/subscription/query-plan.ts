import type { EngineDatabase, TableChange } from '../engine/database.ts';
import type { RowSource } from '../sql/evaluate.ts';
import type { SubscriptionQuery } from '../sql/subscription-query.ts';
import {
  type EncodedTableUpdate,
  encodeEventRows,
  encodePersistentRows,
  type TableRows,
} from '../wire/server-message.ts';
import { currentRows, joinDelta, tableDelta } from './delta.ts';
import type { Candidates } from './dispatch-index.ts';
import type { Subscriber } from './subscriber.ts';

/** The queries that a client subscribed to under one id. */
export interface QuerySet {
  readonly id: number;
  readonly client: Subscriber;
  readonly plans: readonly QueryPlan[];
}

/** What a plan reads. */
type PlanSource = RowSource & Pick<EngineDatabase, 'holdView'>;

/** A compiled query that is evaluated once per commit for all query sets that hold it. */
export class QueryPlan {
  readonly key: string;
  readonly query: SubscriptionQuery;
  readonly holders = new Set<QuerySet>();
  private readonly database: PlanSource;
  private readonly releases: readonly (() => void)[];

  /** Views are materialised from here on, until {@link release}. */
  constructor(key: string, query: SubscriptionQuery, database: PlanSource) {
    this.key = key;
    this.query = query;
    this.database = database;
    const releases: (() => void)[] = [];
    this.releases = releases;
    try {
      for (const { table, arg } of query.tables) {
        if (arg !== undefined) releases.push(database.holdView(table, arg));
      }
    } catch (error) {
      this.release();
      throw error;
    }
  }

  release(): void {
    for (const release of this.releases) release();
  }

  /** The rows that it gives now. Event tables have none. */
  snapshot(): TableRows {
    return { table: this.tableName, rows: currentRows(this.database, this.query) };
  }

  /** What a commit means for it, encoded; undefined when that is nothing. */
  update(tables: readonly TableChange[], candidates: Candidates): EncodedTableUpdate | undefined {
    const { query } = this;
    const delta = query.join === undefined ? tableDelta(query, candidates) : joinDelta(this.database, query, tables);
    const { inserts, deletes } = delta;
    if (inserts.length + deletes.length === 0) return undefined;
    const rows = this.isEvent ? encodeEventRows(inserts) : encodePersistentRows(inserts, deletes);
    return { table: this.tableName, rows };
  }

  private get tableName(): string {
    return this.query.tables[this.query.output]?.table.name ?? '';
  }

  private get isEvent(): boolean {
    return this.query.tables[this.query.output]?.table.isEvent ?? false;
  }
}
