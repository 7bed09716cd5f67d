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
    /** Removes all but the newest records of a stream. */
    discardResets: prepare(
      db
        .deleteFrom('stream_resets')
        .where('scope', '=', scope)
        .where('stream_id', '=', bound<string>())
        .where('id', 'not in', (eb) =>
          eb
            .selectFrom('stream_resets')
            .select('id')
            .where('scope', '=', scope)
            .where('stream_id', '=', bound<string>())
            .orderBy('id', 'desc')
            .limit(bound<bigint>()),
        ),
    ).taking<[streamId: string, again: string, keep: bigint]>(),
    quarantined: prepare(db.selectFrom('quarantine').selectAll().where('scope', '=', scope).orderBy('id')).taking<[]>(),
    quarantinedOf: prepare(
      db
        .selectFrom('quarantine')
        .selectAll()
        .where('scope', '=', scope)
        .where('stream_id', '=', bound<string>())
        .orderBy('id'),
    ).taking<[streamId: string]>(),
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
        .onConflict((conflict) => conflict.doNothing()),
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
    repeatConflict: prepare(
      db
        .updateTable('quarantine')
        .set((eb) => ({ times: sql<bigint>`${eb.ref('times')} + 1`, last_at_ms: bound<bigint>() }))
        .where('scope', '=', scope)
        .where('stream_id', '=', bound<string>())
        .where('reason', '=', bound<string>())
        .where('event_stream_id', '=', bound<string>())
        .where('epoch', '=', bound<string>())
        .where('seq', '=', bound<string>())
        .where('payload_hash', '=', bound<PayloadHash>())
        .where('true_hash', '=', bound<PayloadHash>())
        .where('idempotency_key', '=', bound<string>()),
    ).taking<
      [
        lastAt: bigint,
        streamId: string,
        reason: string,
        eventStreamId: string,
        epoch: string,
        seq: string,
        payloadHash: string,
        trueHash: string,
        idempotencyKey: string,
      ]
    >(),
    countOverflow: prepare(
      db
        .insertInto('audit_overflow')
        .values({
          scope,
          stream_id: bound<string>(),
          of: bound<'quarantine' | 'resets'>(),
          times: bound<bigint>(),
          last_reason: bound<string>(),
          first_at_ms: bound<bigint>(),
          last_at_ms: bound<bigint>(),
        })
        .onConflict((conflict) =>
          conflict.columns(['scope', 'stream_id', 'of']).doUpdateSet((row) => ({
            times: sql<bigint>`${row.ref('audit_overflow.times')} + ${row.ref('excluded.times')}`,
            last_reason: row.ref('excluded.last_reason'),
            last_at_ms: row.ref('excluded.last_at_ms'),
          })),
        ),
    ).taking<
      [streamId: string, of: 'quarantine' | 'resets', times: bigint, reason: string, firstAt: bigint, lastAt: bigint]
    >(),
    overflows: prepare(
      db.selectFrom('audit_overflow').selectAll().where('scope', '=', scope).orderBy('stream_id').orderBy('of'),
    ).taking<[]>(),
    clearQuarantine: prepare(
      db.deleteFrom('quarantine').where('scope', '=', scope).where('stream_id', '=', bound<string>()),
    ).taking<[streamId: string]>(),
    clearOverflow: prepare(
      db
        .deleteFrom('audit_overflow')
        .where('scope', '=', scope)
        .where('stream_id', '=', bound<string>())
        .where('of', '=', sql.lit('quarantine')),
    ).taking<[streamId: string]>(),
    countQuarantinedOf: prepare(
      db
        .selectFrom('quarantine')
        .where('scope', '=', scope)
        .where('stream_id', '=', bound<string>())
        .select([number, sql<bigint>`coalesce(sum(times), 0)`.as('times')]),
    ).taking<[streamId: string]>(),
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
