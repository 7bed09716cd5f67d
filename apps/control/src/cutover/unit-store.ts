import type { Scheduler } from '@autopilot/sync-contract';
import type { Transaction } from 'kysely';
import { ControlError } from '../errors.ts';
import type { Store } from '../store/open-store.ts';
import type { CutoverUnitTable, Schema } from '../store/schema.ts';
import type { DriftKind } from './drift.ts';
import { createGather } from './gather.ts';
import type { Heartbeat } from './heartbeat-request.ts';

/** What is kept of a heartbeat. */
export type StoredHeartbeat = Omit<Heartbeat, 'parity' | 'streams'> & {
  /** When the heartbeat before it came; null for the first. */
  readonly previous_at: number | null;
  /** Positions whose chain was the same as control's, since the unit came to its lane. */
  readonly chains_on_lane: number;
  /** Events that control had delivered beyond what the unit had applied; null where control could not compare. */
  readonly lag_seen: number | null;
};

/** A unit as it was last heard of. Times are the machine's. */
export interface KnownUnit {
  readonly unit: string;
  readonly client_id: string;
  readonly first_seen: number;
  readonly last_seen: number;
  readonly heartbeat: StoredHeartbeat;
  readonly drift: readonly DriftKind[];
  readonly drift_since: number | null;
  readonly chains_equal: number;
  readonly chains_different: number;
  readonly lane_since: number;
}

/** One heartbeat with what control makes of it. */
export interface HeartbeatEntry {
  readonly client_id: string;
  readonly heartbeat: Omit<Heartbeat, 'parity' | 'streams'>;
  readonly drift: readonly DriftKind[];
  readonly chains: { readonly equal: number; readonly different: number };
  readonly lag_seen: number | null;
  readonly at: number;
}

/** How many units are where. */
export interface UnitCounts {
  readonly total: number;
  readonly live: number;
  readonly khala: number;
  readonly spacetime: number;
  readonly drifting: number;
}

/** The units that control has heard of. */
export interface UnitStore {
  /** Stores one heartbeat; many that come at once share a transaction. Resolves to the unit as it was before. */
  beat(entry: HeartbeatEntry): Promise<KnownUnit | undefined>;
  /** Units heard of at or after a time. */
  since(time: number): Promise<readonly KnownUnit[]>;
  /** The client that first used a unit. */
  ownerOf(unit: string): Promise<string | undefined>;
  list(limit: number): Promise<readonly KnownUnit[]>;
  counts(liveSince: number): Promise<UnitCounts>;
  /** Live units, and those of them that have a policy of that revision or a later one that was published. */
  acknowledged(
    liveSince: number,
    revision: number,
    newest: number,
  ): Promise<{ readonly expected: number; readonly acknowledged: number }>;
  /** Forgets units that were not heard of since. */
  forget(before: number): Promise<void>;
}

/** Units that are kept: whoever may report can make up names. */
const mostUnits = 100_000;

/** Heartbeats of one transaction. */
const mostAtOnce = 200;

/** Milliseconds that a heartbeat waits for others to share its transaction. */
const gatherFor = 20;

/** Units in the store. */
export function createUnitStore(store: Store, scheduler: Scheduler): UnitStore {
  const { db } = store;
  /** A unit stays with its client for as long as it is known. */
  const owners = new Map<string, string>();

  function write(entries: readonly HeartbeatEntry[]): Promise<readonly (KnownUnit | Error | undefined)[]> {
    return db.transaction().execute(async (tx) => {
      const ids = [...new Set(entries.map(({ heartbeat }) => heartbeat.unit))];
      const rows = await tx.selectFrom('cutover_unit').selectAll().where('unit', 'in', ids).execute();
      const known = new Map(rows.map((row) => [row.unit, read(row)]));
      const befores: (KnownUnit | Error | undefined)[] = [];
      let room = ids.length > known.size ? mostUnits - (await count(tx)) : 0;
      const changed = new Map<string, KnownUnit>();
      for (const entry of entries) {
        const before = known.get(entry.heartbeat.unit);
        if (before !== undefined && before.client_id !== entry.client_id) {
          befores.push(new ControlError('forbidden', `The unit ${before.unit} belongs to another client.`));
          continue;
        }
        if (before === undefined && room <= 0) {
          befores.push(new ControlError('rate_limited', `No more than ${mostUnits} units are kept.`));
          continue;
        }
        if (before === undefined) room -= 1;
        befores.push(before);
        const after = advance(before, entry);
        known.set(after.unit, after);
        changed.set(after.unit, after);
      }
      if (changed.size === 0) return befores;
      await tx
        .insertInto('cutover_unit')
        .values([...changed.values()].map(rowOf))
        .onConflict((c) =>
          c.column('unit').doUpdateSet((e) => ({
            last_seen: e.ref('excluded.last_seen'),
            policy_revision: e.ref('excluded.policy_revision'),
            lane: e.ref('excluded.lane'),
            rule: e.ref('excluded.rule'),
            heartbeat: e.ref('excluded.heartbeat'),
            drift: e.ref('excluded.drift'),
            drift_since: e.ref('excluded.drift_since'),
            chains_equal: e.ref('excluded.chains_equal'),
            chains_different: e.ref('excluded.chains_different'),
            lane_since: e.ref('excluded.lane_since'),
          })),
        )
        .execute();
      return befores;
    });
  }

  return {
    beat: createGather({ scheduler, wait: gatherFor, most: mostAtOnce, write }),
    async since(time) {
      const rows = await db.selectFrom('cutover_unit').selectAll().where('last_seen', '>=', time).execute();
      return rows.map(read);
    },
    async ownerOf(unit) {
      const known = owners.get(unit);
      if (known !== undefined) return known;
      const query = db.selectFrom('cutover_unit').select('client_id').where('unit', '=', unit);
      const row = await query.executeTakeFirst();
      if (row !== undefined) owners.set(unit, row.client_id);
      return row?.client_id;
    },
    async list(limit) {
      const query = db.selectFrom('cutover_unit').selectAll().orderBy('last_seen', 'desc').orderBy('unit').limit(limit);
      return (await query.execute()).map(read);
    },
    async counts(liveSince) {
      const { total } = await db
        .selectFrom('cutover_unit')
        .select((e) => e.fn.countAll<number>().as('total'))
        .executeTakeFirstOrThrow();
      const rows = await db
        .selectFrom('cutover_unit')
        .select((e) => ['lane', e.fn.countAll<number>().as('count'), e.fn.count<number>('drift_since').as('drifting')])
        .where('last_seen', '>=', liveSince)
        .groupBy('lane')
        .execute();
      const of = (lane: string) => rows.find((row) => row.lane === lane)?.count ?? 0;
      const sum = (field: 'count' | 'drifting') => rows.reduce((all, row) => all + row[field], 0);
      return { total, live: sum('count'), khala: of('khala'), spacetime: of('spacetime'), drifting: sum('drifting') };
    },
    async acknowledged(liveSince, revision, newest) {
      return db
        .selectFrom('cutover_unit')
        .select((e) => [
          e.fn.countAll<number>().as('expected'),
          e.fn
            .countAll<number>()
            // One that control has never made acknowledges nothing: such a unit refuses every policy of control.
            .filterWhere(e.and([e('policy_revision', '>=', revision), e('policy_revision', '<=', newest)]))
            .as('acknowledged'),
        ])
        .where('last_seen', '>=', liveSince)
        .executeTakeFirstOrThrow();
    },
    async forget(before) {
      await db.deleteFrom('cutover_unit').where('last_seen', '<', before).execute();
      owners.clear();
    },
  };
}

async function count(tx: Transaction<Schema>): Promise<number> {
  const query = tx.selectFrom('cutover_unit').select((e) => e.fn.countAll<number>().as('count'));
  return (await query.executeTakeFirstOrThrow()).count;
}

function advance(before: KnownUnit | undefined, entry: HeartbeatEntry): KnownUnit {
  const { client_id, heartbeat, drift, chains, lag_seen, at } = entry;
  const sameLane = before !== undefined && before.heartbeat.lane === heartbeat.lane;
  return {
    unit: heartbeat.unit,
    client_id,
    first_seen: before?.first_seen ?? at,
    last_seen: at,
    heartbeat: {
      ...heartbeat,
      previous_at: before?.last_seen ?? null,
      chains_on_lane: (sameLane ? before.heartbeat.chains_on_lane : 0) + chains.equal,
      lag_seen,
    },
    drift,
    drift_since: drift.length === 0 ? null : (before?.drift_since ?? at),
    chains_equal: (before?.chains_equal ?? 0) + chains.equal,
    chains_different: (before?.chains_different ?? 0) + chains.different,
    lane_since: sameLane ? before.lane_since : at,
  };
}

function rowOf(unit: KnownUnit): CutoverUnitTable {
  const { heartbeat, drift, ...rest } = unit;
  const { policy_revision, lane, rule } = heartbeat;
  return {
    ...rest,
    policy_revision,
    lane,
    rule,
    heartbeat: JSON.stringify(heartbeat),
    drift: JSON.stringify(drift),
  };
}

function read({ heartbeat, drift, policy_revision: _p, lane: _l, rule: _r, ...row }: CutoverUnitTable): KnownUnit {
  return { ...row, heartbeat: JSON.parse(heartbeat) as StoredHeartbeat, drift: JSON.parse(drift) as DriftKind[] };
}
