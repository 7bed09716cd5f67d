import { isCodedError } from '@autopilot/sync-contract';
import type { Commit, EngineDatabase } from '../engine/database.ts';
import { requireRowLimit } from '../sql/row-limit.ts';
import { compileOneOff, compileSubscription } from '../sql/subscription-query.ts';
import { withSystemTables } from '../sql/system-tables.ts';
import { share } from '../wire/frame.ts';
import { type EncodedTableUpdate, type QuerySetUpdate, serverMessage, type TableRows } from '../wire/server-message.ts';
import { type Candidates, DispatchIndex } from './dispatch-index.ts';
import { QueryPlan, type QuerySet } from './query-plan.ts';
import type { Subscriber } from './subscriber.ts';

/** A client used a query set id that is taken. Its connection is to be closed with 1011. */
export class QuerySetInUse extends Error {
  override readonly name = 'QuerySetInUse';
}

/**
 * The standing queries of all clients of one database. Everything is synchronous on the thread that commits: a snapshot
 * and its registration have no commit between them, and updates leave in commit order.
 */
export class Subscriptions {
  /** How many query evaluations the commits so far have cost. */
  evaluations = 0;
  private readonly database: EngineDatabase;
  private readonly dispatch = new DispatchIndex<QueryPlan>();
  private readonly plans = new Map<string, QueryPlan>();
  private readonly clients = new Map<Subscriber, Map<number, QuerySet>>();
  private readonly stop: () => void;
  private lastOffset: bigint;

  constructor(database: EngineDatabase) {
    this.database = database;
    this.lastOffset = database.durableOffset;
    this.stop = database.onCommit((commit) => this.committed(commit));
  }

  /** The newest commit that reads can have seen. */
  get offset(): bigint {
    const { durableOffset } = this.database;
    // A log that was reloaded is durable before the first commit of this process.
    if (this.lastOffset < durableOffset) this.lastOffset = durableOffset;
    return this.lastOffset;
  }

  /** How many different queries stand. */
  get planCount(): number {
    return this.plans.size;
  }

  /**
   * Answers with SubscribeApplied, or with SubscriptionError when a query is refused; then nothing is registered.
   *
   * @throws {QuerySetInUse}
   */
  subscribe(client: Subscriber, requestId: number, querySetId: number, queries: readonly string[]): void {
    const sets = this.clients.get(client) ?? new Map<number, QuerySet>();
    if (sets.has(querySetId)) throw new QuerySetInUse(`query set ${querySetId} is in use`);
    let plans: readonly QueryPlan[];
    try {
      plans = this.compile(client, queries);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      client.send(serverMessage.subscriptionError(requestId, querySetId, error.message), undefined);
      return;
    }
    const set: QuerySet = { id: querySetId, client, plans };
    for (const plan of plans) this.hold(plan, set);
    sets.set(querySetId, set);
    this.clients.set(client, sets);
    client.send(serverMessage.subscribeApplied(requestId, querySetId, snapshot(plans)), this.offset);
  }

  unsubscribe(client: Subscriber, requestId: number, querySetId: number, sendDroppedRows: boolean): void {
    const set = this.clients.get(client)?.get(querySetId);
    if (set === undefined) {
      const text = `There is no query set ${querySetId}.`;
      client.send(serverMessage.subscriptionError(requestId, querySetId, text), undefined);
      return;
    }
    const dropped = sendDroppedRows ? snapshot(set.plans) : undefined;
    this.drop(set);
    client.send(serverMessage.unsubscribeApplied(requestId, querySetId, dropped), this.offset);
  }

  /** Answers a query once. */
  oneOff(client: Subscriber, requestId: number, text: string): void {
    // They live as long as the call: the views that they read are materialised meanwhile.
    const plans: QueryPlan[] = [];
    try {
      const source = withSystemTables(this.database);
      const queries = compileOneOff(source.definition, client, text);
      for (const query of queries) plans.push(new QueryPlan('', query, source));
      requireRowLimit(source, client, queries);
      const found = plans.map((plan) => plan.snapshot());
      // One table, also when it has no rows.
      const rows = { table: found[0]?.table ?? '', rows: found.flatMap((one) => one.rows) };
      client.send(serverMessage.oneOffQueryResult(requestId, [rows]), this.offset);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      client.send(serverMessage.oneOffQueryResult(requestId, { error: error.message }), undefined);
    } finally {
      for (const plan of plans) plan.release();
    }
  }

  /** A token for `CallerInfo.request`: the client's own changes of that call are kept back for {@link taken}. */
  request(client: Subscriber): object {
    return new RequestUpdate(client);
  }

  /** The changes that were kept back for a request. */
  taken(request: object): readonly QuerySetUpdate[] {
    return request instanceof RequestUpdate ? request.querySets : [];
  }

  /** Forgets a client that is gone. */
  remove(client: Subscriber): void {
    for (const set of this.clients.get(client)?.values() ?? []) this.drop(set);
    this.clients.delete(client);
  }

  close(): void {
    this.stop();
    for (const client of [...this.clients.keys()]) this.remove(client);
  }

  private committed(commit: Commit): void {
    this.lastOffset = commit.offset;
    const updates = new Map<QuerySet, EncodedTableUpdate[]>();
    const serials = new Map<EncodedTableUpdate, number>();
    for (const [plan, candidates] of this.dispatch.match(this.database, commit.tables)) {
      this.evaluations += 1;
      const update = this.evaluated(plan, commit, candidates);
      if (update === undefined) continue;
      serials.set(update, serials.size);
      for (const set of plan.holders) {
        const known = updates.get(set);
        if (known === undefined) updates.set(set, [update]);
        else known.push(update);
      }
    }
    const messages = new Map<string, Uint8Array>();
    const byClient = Map.groupBy(updates.keys(), (set) => set.client);
    for (const [client, sets] of byClient) {
      const querySets = sets.map((set) => ({ querySetId: set.id, updates: updates.get(set) ?? [] }));
      const { request } = commit;
      if (request instanceof RequestUpdate && request.client === client) request.querySets.push(...querySets);
      else client.send(sharedMessage(messages, querySets, serials), commit.offset);
    }
  }

  /** A query that fails takes its sets with it, and nobody else: the commit itself has happened. */
  private evaluated(plan: QueryPlan, commit: Commit, candidates: Candidates): EncodedTableUpdate | undefined {
    try {
      return plan.update(commit.tables, candidates);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      for (const set of [...plan.holders]) {
        this.drop(set);
        set.client.send(serverMessage.subscriptionError(undefined, set.id, text), commit.offset);
      }
      return undefined;
    }
  }

  /** The plans of queries, each once; new ones are not registered yet. */
  private compile(client: Subscriber, queries: readonly string[]): readonly QueryPlan[] {
    const texts = new Set(queries.map((text) => text.trim()));
    const compiled = [...texts].flatMap((text) =>
      // `SELECT * FROM *` and row rules make several queries of one text.
      compileSubscription(this.database.definition, client, text).map((query, index) => ({
        key: `${query.isPersonal ? client.identity : ''}\n${index}\n${text}`,
        query,
      })),
    );
    const plans = new Map<string, QueryPlan>();
    try {
      for (const { key, query } of compiled) {
        if (!plans.has(key)) plans.set(key, this.plans.get(key) ?? new QueryPlan(key, query, this.database));
      }
      // As upstream, what somebody subscribes to already is not counted.
      const added = [...plans.values()].filter(({ key }) => !this.plans.has(key));
      requireRowLimit(
        this.database,
        client,
        added.map(({ query }) => query),
      );
    } catch (error) {
      // A view throws when it is materialised, or there would be too many rows: let go of the views that are held.
      for (const plan of plans.values()) this.releaseUnheld(plan);
      throw error;
    }
    return [...plans.values()];
  }

  private hold(plan: QueryPlan, set: QuerySet): void {
    plan.holders.add(set);
    if (this.plans.has(plan.key)) return;
    this.plans.set(plan.key, plan);
    this.dispatch.add(plan);
  }

  private drop(set: QuerySet): void {
    this.clients.get(set.client)?.delete(set.id);
    for (const plan of set.plans) {
      plan.holders.delete(set);
      this.releaseUnheld(plan);
    }
  }

  private releaseUnheld(plan: QueryPlan): void {
    if (plan.holders.size > 0) return;
    if (this.plans.delete(plan.key)) this.dispatch.remove(plan);
    plan.release();
  }
}

/** What a client's own call has changed for it. */
class RequestUpdate {
  readonly client: Subscriber;
  readonly querySets: QuerySetUpdate[] = [];

  constructor(client: Subscriber) {
    this.client = client;
  }
}

/** The message for clients that get the same of the same queries under the same ids: encoded once. */
function sharedMessage(
  messages: Map<string, Uint8Array>,
  querySets: readonly QuerySetUpdate[],
  serials: ReadonlyMap<EncodedTableUpdate, number>,
): Uint8Array {
  const key = querySets
    .map(({ querySetId, updates }) => `${querySetId}:${updates.map((update) => serials.get(update)).join()}`)
    .join(';');
  const known = messages.get(key);
  if (known !== undefined) {
    share(known);
    return known;
  }
  const message = serverMessage.transactionUpdate(querySets);
  messages.set(key, message);
  return message;
}

function snapshot(plans: readonly QueryPlan[]): readonly TableRows[] {
  return plans.map((plan) => plan.snapshot()).filter(({ rows }) => rows.length > 0);
}
