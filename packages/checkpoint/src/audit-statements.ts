import type { PayloadHash } from '@autopilot/sync-contract';
import { type Kysely, sql } from 'kysely';
import { bound, type Prepare } from './compile.ts';
import type { CheckpointSchema } from './schema.ts';

/** The statements about resets, quarantine, effects and counts. */
export type AuditStatements = ReturnType<typeof auditStatements>;

/** @param scopeId Id of the scope. */
export function auditStatements(prepare: Prepare, db: Kysely<CheckpointSchema>, scopeId: bigint) {
  const scope = sql.lit(scopeId);
  const ownEffects = db
    .selectFrom('effects')
    .innerJoin('generations', 'generations.id', 'effects.generation')
    .innerJoin('streams', 'streams.id', 'generations.stream')
    .where('streams.scope', '=', scope);
  const number = db.fn.countAll<bigint>().as('number');

  return {
    insertReset: prepare(
      db.insertInto('stream_resets').values({
        scope,
        stream_id: bound<string>(),
        reason: bound<string>(),
        from_epoch: bound<string | null>(),
        from_seq: bound<bigint | null>(),
        from_chain: bound<string | null>(),
        to_epoch: bound<string>(),
        to_seq: bound<bigint>(),
        to_chain: bound<string>(),
        at_ms: bound<bigint>(),
      }),
    ).taking<
      [
        streamId: string,
        reason: string,
        fromEpoch: string | null,
        fromSeq: bigint | null,
        fromChain: string | null,
        toEpoch: string,
        toSeq: bigint,
        toChain: string,
        at: bigint,
      ]
    >(),
    resets: prepare(db.selectFrom('stream_resets').selectAll().where('scope', '=', scope).orderBy('id')).taking<[]>(),
    quarantined: prepare(db.selectFrom('quarantine').selectAll().where('scope', '=', scope).orderBy('id')).taking<[]>(),
    insertConflict: prepare(
      db
        .insertInto('quarantine')
        .values({
          scope,
          stream_id: bound<string>(),
          reason: bound<string>(),
          event_stream_id: bound<string>(),
          epoch: bound<string>(),
          seq: bound<string>(),
          kind: bound<string>(),
          payload: bound<string>(),
          payload_hash: bound<PayloadHash>(),
          true_hash: bound<PayloadHash>(),
          idempotency_key: bound<string>(),
          committed_at: bound<string>(),
          known_hash: bound<PayloadHash | null>(),
          times: sql.lit(1n),
          first_at_ms: bound<bigint>(),
          last_at_ms: bound<bigint>(),
        })
        // Without a target: the one unique constraint of the table. The first record stays, the count goes up.
        .onConflict((conflict) =>
          conflict.doUpdateSet((row) => ({
            times: sql<bigint>`${row.ref('quarantine.times')} + 1`,
            last_at_ms: row.ref('excluded.last_at_ms'),
          })),
        ),
    ).taking<
      [
        streamId: string,
        reason: string,
        eventStreamId: string,
        epoch: string,
        seq: string,
        kind: string,
        payload: string,
        payloadHash: string,
        trueHash: string,
        idempotencyKey: string,
        committedAt: string,
        knownHash: string | null,
        firstAt: bigint,
        lastAt: bigint,
      ]
    >(),
    insertEffect: prepare(
      db.insertInto('effects').values({
        generation: bound<bigint>(),
        seq: bound<bigint>(),
        kind: bound<string>(),
        body: bound<string>(),
      }),
    ).taking<[generation: bigint, seq: bigint, kind: string, body: string]>(),
    effects: prepare(
      ownEffects
        .select(['effects.id', 'streams.stream_id', 'generations.epoch', 'effects.seq', 'effects.kind', 'effects.body'])
        .where('effects.id', '>', bound<bigint>())
        .orderBy('effects.id')
        .limit(bound<bigint>()),
    ).taking<[after: bigint, limit: bigint]>(),
    settleEffect: prepare(
      db.deleteFrom('effects').where('id', '=', bound<bigint>()).where('id', 'in', ownEffects.select('effects.id')),
    ).taking<[id: bigint]>(),
    countStreams: prepare(db.selectFrom('streams').where('scope', '=', scope).select(number)).taking<[]>(),
    countResets: prepare(db.selectFrom('stream_resets').where('scope', '=', scope).select(number)).taking<[]>(),
    countQuarantined: prepare(db.selectFrom('quarantine').where('scope', '=', scope).select(number)).taking<[]>(),
    countEffects: prepare(ownEffects.select(number)).taking<[]>(),
  };
}
