import { genesisChain } from '@autopilot/sync-contract';
import type { AuditStatements } from './audit-statements.ts';
import { CheckpointError, nativeCode } from './errors.ts';
import type { ResetTo, StreamChange } from './store.ts';
import type { StreamRow, StreamStatements } from './stream-statements.ts';

/** The statements of a store. */
export type Statements = StreamStatements & AuditStatements;

/** Writes one change; runs inside the transaction of its commit. `at` in milliseconds since the Unix epoch. */
export function writeChange(statements: Statements, change: StreamChange, at: bigint): void {
  const stream = statements.stream.get(change.stream_id) ?? createStream(statements, change, at);
  if (stream.epoch !== change.epoch || stream.seq !== change.expected_seq) throw positionConflict(change, stream);
  if (change.events.length === 0 && change.chain !== stream.chain) {
    throw new CheckpointError('invalid_change', `A change of "${change.stream_id}" without events has another chain.`);
  }
  writeEvents(statements, stream.generation, change);
  const moved = statements.advanceStream.run(change.seq, change.chain, at, stream.id, change.expected_seq);
  if (moved.changes !== 1) throw positionConflict(change, stream);
  for (const effect of change.effects ?? []) {
    statements.insertEffect.run(stream.generation, change.seq, effect.kind, effect.body);
  }
}

/** Replaces a stream's state and keeps the audit record; runs inside a transaction. */
export function writeReset(statements: Statements, streamId: string, to: ResetTo, at: bigint): void {
  const from = statements.stream.get(streamId);
  if (from === undefined) addStream(statements, streamId, to, at);
  else {
    statements.retireGeneration.run(at, from.generation);
    const generation = addGeneration(statements, from.id, to);
    statements.pointStream.run(generation, to.seq, to.chain, at, from.id);
  }
  statements.insertReset.run(
    streamId,
    to.reason,
    from?.epoch ?? null,
    from?.seq ?? null,
    from?.chain ?? null,
    to.epoch,
    to.seq,
    to.chain,
    at,
  );
}

/** The first commit of a stream starts before its first event; everything else starts by a reset to a floor. */
function createStream(statements: Statements, change: StreamChange, at: bigint): StreamRow {
  if (change.expected_seq !== 0n) throw positionConflict(change, undefined);
  addStream(statements, change.stream_id, { epoch: change.epoch, seq: 0n, chain: genesisChain(change.stream_id) }, at);
  const stream = statements.stream.get(change.stream_id);
  if (stream === undefined) throw new CheckpointError('internal', 'A stream that was just added is not there.');
  return stream;
}

type Base = Pick<ResetTo, 'epoch' | 'seq' | 'chain'>;

function addStream(statements: Statements, streamId: string, base: Base, at: bigint): void {
  const stream = BigInt(statements.insertStream.run(streamId, base.seq, base.chain, at).lastInsertRowid);
  statements.pointStream.run(addGeneration(statements, stream, base), base.seq, base.chain, at, stream);
}

function addGeneration(statements: Statements, stream: bigint, base: Base): bigint {
  return BigInt(statements.insertGeneration.run(stream, base.epoch, base.seq, base.chain).lastInsertRowid);
}

function writeEvents(statements: Statements, generation: bigint, change: StreamChange): void {
  // One prepared statement and plain arguments: no object is made per row.
  const insert = statements.insertEvent;
  for (const event of change.events) {
    try {
      insert.run(
        generation,
        event.seq,
        event.kind,
        event.payload,
        event.payload_hash,
        event.idempotency_key,
        event.committed_at,
      );
    } catch (cause) {
      if (nativeCode(cause) !== 'SQLITE_CONSTRAINT_UNIQUE') throw cause;
      throw new CheckpointError(
        'idempotency_conflict',
        `"${change.stream_id}" already has an event with the idempotency key of seq ${event.seq}.`,
        {
          cause,
          details: { stream_id: change.stream_id, seq: `${event.seq}`, idempotency_key: event.idempotency_key },
        },
      );
    }
  }
}

function positionConflict(change: StreamChange, stored: StreamRow | undefined): CheckpointError {
  const there = stored === undefined ? 'nothing' : `epoch "${stored.epoch}" at ${stored.seq}`;
  const position = stored === undefined ? null : { epoch: stored.epoch, seq: `${stored.seq}` };
  return new CheckpointError(
    'position_conflict',
    `"${change.stream_id}" has ${there} stored, not epoch "${change.epoch}" at ${change.expected_seq}.`,
    { details: { stream_id: change.stream_id, stored: position } },
  );
}
