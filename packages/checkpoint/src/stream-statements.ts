import type { PayloadHash } from '@autopilot/sync-contract';
import { type Kysely, sql } from 'kysely';
import { bound, type Prepare } from './compile.ts';
import type { CheckpointSchema } from './schema.ts';

/** Rows of one insert: more of them save nothing that can be measured. */
export const rowsAtOnce = 20;

/** The statements about streams and their events. */
export type StreamStatements = ReturnType<typeof streamStatements>;

/** A stream with its generation. */
export type StreamRow = NonNullable<ReturnType<StreamStatements['stream']['get']>>;

/** @param scope Id of the scope. */
export function streamStatements(prepare: Prepare, db: Kysely<CheckpointSchema>, scope: bigint) {
  const stored = db
    .selectFrom('streams')
    .innerJoin('generations', 'generations.id', 'streams.generation')
    .select([
      'streams.id',
      'streams.stream_id',
      'streams.generation',
      'generations.epoch',
      'streams.seq',
      'streams.chain',
      'generations.base_seq',
      'generations.base_chain',
      'generations.gaps_allowed',
      'streams.updated_at_ms',
    ])
    .where('streams.scope', '=', sql.lit(scope));

  const one = sql.lit(1).as('one');
  const retired = db
    .selectFrom('generations')
    .innerJoin('streams', 'streams.id', 'generations.stream')
    .where('streams.scope', '=', sql.lit(scope))
    .where('generations.retired_at_ms', 'is not', sql.lit(null));

  return {
    stream: prepare(stored.where('streams.stream_id', '=', bound<string>())).taking<[streamId: string]>(),
    streams: prepare(stored.orderBy('streams.stream_id')).taking<[]>(),
    insertStream: prepare(
      db.insertInto('streams').values({
        scope: sql.lit(scope),
        stream_id: bound<string>(),
        // A generation names its stream, so it comes after the stream has an id; same transaction.
        generation: sql.lit(0n),
        seq: bound<bigint>(),
        chain: bound<string>(),
        updated_at_ms: bound<bigint>(),
      }),
    ).taking<[streamId: string, seq: bigint, chain: string, at: bigint]>(),
    insertGeneration: prepare(
      db.insertInto('generations').values({
        stream: bound<bigint>(),
        epoch: bound<string>(),
        base_seq: bound<bigint>(),
        base_chain: bound<string>(),
        gaps_allowed: bound<bigint>(),
      }),
    ).taking<[stream: bigint, epoch: string, baseSeq: bigint, baseChain: string, gapsAllowed: bigint]>(),
    moveBase: prepare(
      db
        .updateTable('generations')
        .set({ base_seq: bound<bigint>(), base_chain: bound<string>() })
        .where('id', '=', bound<bigint>()),
    ).taking<[baseSeq: bigint, baseChain: string, generation: bigint]>(),
    retireGeneration: prepare(
      db.updateTable('generations').set({ retired_at_ms: bound<bigint>() }).where('id', '=', bound<bigint>()),
    ).taking<[at: bigint, generation: bigint]>(),
    pointStream: prepare(
      db
        .updateTable('streams')
        .set({
          generation: bound<bigint>(),
          seq: bound<bigint>(),
          chain: bound<string>(),
          updated_at_ms: bound<bigint>(),
        })
        .where('id', '=', bound<bigint>()),
    ).taking<[generation: bigint, seq: bigint, chain: string, at: bigint, stream: bigint]>(),
    advanceStream: prepare(
      db
        .updateTable('streams')
        .set({ seq: bound<bigint>(), chain: bound<string>(), updated_at_ms: bound<bigint>() })
        .where('id', '=', bound<bigint>())
        .where('generation', '=', bound<bigint>())
        .where('seq', '=', bound<bigint>()),
    ).taking<[seq: bigint, chain: string, at: bigint, stream: bigint, generation: bigint, expected: bigint]>(),
    insertEvent: prepare(db.insertInto('events').values(boundEvent())).taking<
      [
        generation: bigint,
        seq: bigint,
        kind: string,
        payload: string,
        payloadHash: string,
        idempotencyKey: string,
        committedAt: bigint,
      ]
    >(),
    /** {@link rowsAtOnce} events, one after the other as above. */
    insertEvents: prepare(db.insertInto('events').values(Array.from({ length: rowsAtOnce }, boundEvent))).taking<
      (string | bigint)[]
    >(),
    events: prepare(
      db
        .selectFrom('events')
        .select(['seq', 'kind', 'payload', 'payload_hash', 'idempotency_key', 'committed_at'])
        .where('generation', '=', bound<bigint>())
        .where('seq', '>', bound<bigint>())
        .orderBy('seq')
        .limit(bound<bigint>()),
    ).taking<[generation: bigint, after: bigint, limit: bigint]>(),
    hashAt: prepare(
      db
        .selectFrom('events')
        .select('payload_hash')
        .where('generation', '=', bound<bigint>())
        .where('seq', '=', bound<bigint>()),
    ).taking<[generation: bigint, seq: bigint]>(),
    seqOf: prepare(
      db
        .selectFrom('events')
        .select('seq')
        .where('generation', '=', bound<bigint>())
        .where('idempotency_key', '=', bound<string>()),
    ).taking<[generation: bigint, key: string]>(),
    retired: prepare(
      retired
        .select('generations.id')
        .where((eb) =>
          eb.exists(eb.selectFrom('events').whereRef('events.generation', '=', 'generations.id').select(one)),
        )
        .orderBy('generations.id')
        .limit(sql.lit(1)),
    ).taking<[]>(),
    /** A replaced state of which nothing is left: neither an event nor an effect. */
    discardEmpty: prepare(
      db.deleteFrom('generations').where(
        'id',
        'in',
        retired
          .select('generations.id')
          .where((eb) =>
            eb.not(eb.exists(eb.selectFrom('events').whereRef('events.generation', '=', 'generations.id').select(one))),
          )
          .where((eb) =>
            eb.not(
              eb.exists(eb.selectFrom('effects').whereRef('effects.generation', '=', 'generations.id').select(one)),
            ),
          )
          .limit(bound<bigint>()),
      ),
    ).taking<[limit: bigint]>(),
    discardEvents: prepare(
      db.deleteFrom('events').where('generation', '=', bound<bigint>()).where('seq', '<=', bound<bigint>()),
    ).taking<[generation: bigint, through: bigint]>(),
  };
}

function boundEvent() {
  return {
    generation: bound<bigint>(),
    seq: bound<bigint>(),
    kind: bound<string>(),
    payload: bound<string>(),
    payload_hash: bound<PayloadHash>(),
    idempotency_key: bound<string>(),
    committed_at: bound<bigint>(),
  };
}
