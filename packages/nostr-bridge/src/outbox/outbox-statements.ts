import { sql } from 'kysely';
import type { BridgeFile } from '../store/bridge-file.ts';
import { type Place, prepare } from '../store/prepare.ts';

const listed = (place: Place) => sql<string>`(select value from json_each(${place<string>()}))`;

/** The statements of an outbox. */
export function outboxStatements({ sqlite, db }: BridgeFile) {
  const due = db
    .selectFrom('deliveries')
    .innerJoin('events', 'events.id', 'deliveries.event_id')
    .select(['deliveries.event_id', 'deliveries.tries', 'events.body'])
    .where('deliveries.state', '=', sql.lit('pending'));
  return {
    eventByKey: prepare<[string], { id: string; contents: string; body: string }>(sqlite, (place) =>
      db.selectFrom('events').select(['id', 'contents', 'body']).where('key', '=', place<string>()),
    ),
    eventById: prepare<[string], { id: string; quorum: string; standing: 'open' | 'reached' | 'missed'; key: string }>(
      sqlite,
      (place) => db.selectFrom('events').select(['id', 'quorum', 'standing', 'key']).where('id', '=', place<string>()),
    ),
    insertEvent: prepare<[id: string, key: string, contents: string, body: string, quorum: string, at: number]>(
      sqlite,
      (place) =>
        db.insertInto('events').values({
          id: place<string>(),
          key: place<string>(),
          contents: place<string>(),
          body: place<string>(),
          quorum: place<string>(),
          standing: sql.lit('open'),
          enqueued_at_ms: place<number>(),
        }),
    ),
    insertDelivery: prepare<[id: string, relay: string, nextAt: number, since: number, at: number]>(sqlite, (place) =>
      db.insertInto('deliveries').values({
        event_id: place<string>(),
        relay: place<string>(),
        state: sql.lit('pending'),
        tries: sql.lit(0),
        next_at_ms: place<number>(),
        since_ms: place<number>(),
        reason: sql.lit(''),
        message: sql.lit(''),
        updated_at_ms: place<number>(),
      }),
    ),
    deliveriesOf: prepare<[string], { relay: string; state: 'pending'; tries: number; since_ms: number }>(
      sqlite,
      (place) =>
        db
          .selectFrom('deliveries')
          .select(['relay', 'state', 'tries', 'since_ms'])
          .where('event_id', '=', place<string>()),
    ),
    nextDue: prepare<[relay: string, now: number, limit: number], { event_id: string; tries: number; body: string }>(
      sqlite,
      (place) =>
        due
          .where('deliveries.relay', '=', place<string>())
          .where('deliveries.next_at_ms', '<=', place<number>())
          .orderBy('deliveries.next_at_ms')
          .orderBy(sql.ref('events.rowid'))
          .limit(place<number>() as never),
    ),
    earliest: prepare<[relay: string], { next_at_ms: number | null }>(sqlite, (place) =>
      db
        .selectFrom('deliveries')
        .select((eb) => eb.fn.min('next_at_ms').as('next_at_ms'))
        .where('relay', '=', place<string>())
        .where('state', '=', sql.lit('pending')),
    ),
    moveDelivery: prepare<
      [
        state: string,
        tries: number,
        nextAt: number,
        since: number,
        reason: string,
        message: string,
        at: number,
        id: string,
        relay: string,
      ]
    >(sqlite, (place) =>
      db
        .updateTable('deliveries')
        .set({
          state: place<'pending'>(),
          tries: place<number>(),
          next_at_ms: place<number>(),
          since_ms: place<number>(),
          reason: place<string>(),
          message: place<string>(),
          updated_at_ms: place<number>(),
        })
        .where('event_id', '=', place<string>())
        .where('relay', '=', place<string>()),
    ),
    delivery: prepare<
      [id: string, relay: string],
      { state: 'pending'; tries: number; next_at_ms: number; since_ms: number; reason: string; message: string }
    >(sqlite, (place) =>
      db
        .selectFrom('deliveries')
        .select(['state', 'tries', 'next_at_ms', 'since_ms', 'reason', 'message'])
        .where('event_id', '=', place<string>())
        .where('relay', '=', place<string>()),
    ),
    setStanding: prepare<[standing: string, at: number | null, id: string]>(sqlite, (place) =>
      db
        .updateTable('events')
        .set({ standing: place<'open'>(), settled_at_ms: place<number>() })
        .where('id', '=', place<string>()),
    ),
    inFlight: prepare<[], { event_id: string; relay: string }>(sqlite, () =>
      db.selectFrom('deliveries').select(['event_id', 'relay']).where('state', '=', sql.lit('in-flight')),
    ),
    tooOld: prepare<[before: number, limit: number], { event_id: string; relay: string }>(sqlite, (place) =>
      db
        .selectFrom('deliveries')
        .select(['event_id', 'relay'])
        .where('state', '=', sql.lit('pending'))
        .where('since_ms', '<', place<number>())
        .limit(place<number>() as never),
    ),
    /** `own` as a JSON array, here and below. */
    tooOldBeside: prepare<[own: string, before: number, limit: number], { event_id: string; relay: string }>(
      sqlite,
      (place) =>
        db
          .selectFrom('deliveries')
          .select(['event_id', 'relay'])
          .where('state', '=', sql.lit('pending'))
          .where('relay', 'not in', listed(place))
          .where('since_ms', '<', place<number>())
          .limit(place<number>() as never),
    ),
    waitingBeside: prepare<[own: string], { relay: string; next_at_ms: number; number: number }>(sqlite, (place) =>
      db
        .selectFrom('deliveries')
        .select((eb) => ['relay', eb.fn.min('next_at_ms').as('next_at_ms'), eb.fn.countAll<number>().as('number')])
        .where('state', '=', sql.lit('pending'))
        .where('relay', 'not in', listed(place))
        .groupBy('relay')
        .orderBy('next_at_ms'),
    ),
    postpone: prepare<[now: number, least: number, again: number, relay: string]>(sqlite, (place) =>
      db
        .updateTable('deliveries')
        .set({
          next_at_ms: sql`max(next_at_ms, ${place<number>()} + max(${place<number>()}, ${place<number>()} - since_ms))`,
        })
        .where('relay', '=', place<string>())
        .where('state', '=', sql.lit('pending')),
    ),
    counts: prepare<[], { relay: string; state: 'pending'; number: number; oldest: number }>(sqlite, () =>
      db
        .selectFrom('deliveries')
        .select((eb) => ['relay', 'state', eb.fn.countAll<number>().as('number'), eb.fn.min('since_ms').as('oldest')])
        .groupBy(['relay', 'state'])
        .orderBy('relay')
        .orderBy('state'),
    ),
    listed: prepare<
      [state: string, limit: number],
      {
        event_id: string;
        key: string;
        relay: string;
        state: 'pending';
        tries: number;
        next_at_ms: number;
        since_ms: number;
        reason: string;
        message: string;
      }
    >(sqlite, (place) =>
      db
        .selectFrom('deliveries')
        .innerJoin('events', 'events.id', 'deliveries.event_id')
        .select(['event_id', 'key', 'relay', 'state', 'tries', 'next_at_ms', 'since_ms', 'reason', 'message'])
        .where('state', '=', place<'pending'>())
        .orderBy('since_ms')
        .orderBy('event_id')
        .orderBy('relay')
        .limit(place<number>() as never),
    ),
    standings: prepare<[], { standing: string; number: number }>(sqlite, () =>
      db
        .selectFrom('events')
        .select((eb) => ['standing', eb.fn.countAll<number>().as('number')])
        .groupBy('standing'),
    ),
    /** Settled long ago, nothing is left to be delivered, and no job of a customer is known by its key. */
    old: prepare<[before: number, limit: number], { id: string }>(sqlite, (place) =>
      db
        .selectFrom('events')
        .select('id')
        .where('settled_at_ms', '<', place<number>())
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom('deliveries')
                .select(sql.lit(1).as('one'))
                .whereRef('deliveries.event_id', '=', 'events.id')
                .where('state', 'in', [sql.lit('pending'), sql.lit('in-flight')] as never),
            ),
          ),
        )
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom('jobs')
                .select(sql.lit(1).as('one'))
                .where('role', '=', sql.lit('customer'))
                .whereRef('request_id', '=', 'events.id'),
            ),
          ),
        )
        .limit(place<number>() as never),
    ),
    deleteDeliveries: prepare<[string]>(sqlite, (place) =>
      db.deleteFrom('deliveries').where('event_id', '=', place<string>()),
    ),
    deleteEvent: prepare<[string]>(sqlite, (place) => db.deleteFrom('events').where('id', '=', place<string>())),
  };
}
