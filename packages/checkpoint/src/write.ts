import { type Contiguity, genesisChain } from '@autopilot/sync-contract';
import type { AuditStatements } from './audit-statements.ts';
import { CheckpointError } from './errors.ts';
import { chainWithoutEvents, contiguityConflict, positionConflict } from './refusals.ts';
import type { ResetTo, StreamChange } from './store.ts';
import type { StreamHeads } from './stream-heads.ts';
import type { StreamRow, StreamStatements } from './stream-statements.ts';
import { writeEvents } from './write-events.ts';

/** The statements of a store. */
export type Statements = StreamStatements & AuditStatements;

/** Writes one change; runs inside the transaction of its commit. `at` in milliseconds since the Unix epoch. */
export function writeChange(statements: Statements, heads: StreamHeads, change: StreamChange, at: bigint): void {
  const stream = heads.get(change.stream_id) ?? createStream(statements, change, at);
  if (stream.epoch !== change.epoch || stream.seq !== change.expected_seq) throw positionConflict(change, stream);
  if (change.events.length === 0 && change.chain !== stream.chain) throw chainWithoutEvents(change);
  const { contiguity = 'dense' } = change;
  if (contiguity !== contiguityOf(stream)) throw contiguityConflict(change, contiguityOf(stream));
  writeEvents(statements, stream.generation, change);
  const { id, generation } = stream;
  const moved = statements.advanceStream.run(change.seq, change.chain, at, id, generation, change.expected_seq);
  if (moved.changes !== 1) throw positionConflict(change, statements.stream.get(change.stream_id));
  heads.moved(change.stream_id, {
    id,
    generation,
    epoch: stream.epoch,
    seq: change.seq,
    chain: change.chain,
    gaps_allowed: stream.gaps_allowed,
  });
  for (const effect of change.effects ?? []) {
    statements.insertEffect.run(stream.generation, change.seq, effect.kind, effect.body);
  }
}

/**
 * Replaces a stream's state and keeps the audit record, with at most `keep` of its stream; runs inside a transaction.
 */
export function writeReset(statements: Statements, streamId: string, to: ResetTo, keep: number, at: bigint): void {
  const from = statements.stream.get(streamId);
  const contiguity = to.contiguity ?? (from === undefined ? 'dense' : contiguityOf(from));
  if (from === undefined) addStream(statements, streamId, { ...to, contiguity }, at);
  else {
    statements.retireGeneration.run(at, from.generation);
    const generation = addGeneration(statements, from.id, { ...to, contiguity });
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
  const dropped = statements.discardResets.run(streamId, streamId, BigInt(keep)).changes;
  if (dropped > 0) statements.countOverflow.run(streamId, 'resets', BigInt(dropped), to.reason, at, at);
}

/** Whether the events of a stored stream are dense. */
export function contiguityOf(stream: Pick<StreamRow, 'gaps_allowed'>): Contiguity {
  return stream.gaps_allowed === 0n ? 'dense' : 'gaps-allowed';
}

/** The first commit of a stream starts before its first event; everything else starts by a reset to a floor. */
function createStream(statements: Statements, change: StreamChange, at: bigint): StreamRow {
  if (change.expected_seq !== 0n) throw positionConflict(change, undefined);
  const { stream_id, epoch, contiguity } = change;
  addStream(statements, stream_id, { epoch, seq: 0n, chain: genesisChain(stream_id), contiguity }, at);
  const stream = statements.stream.get(change.stream_id);
  if (stream === undefined) throw new CheckpointError('internal', 'A stream that was just added is not there.');
  return stream;
}

interface Base extends Pick<ResetTo, 'epoch' | 'seq' | 'chain'> {
  readonly contiguity: Contiguity | undefined;
}

function addStream(statements: Statements, streamId: string, base: Base, at: bigint): void {
  const stream = BigInt(statements.insertStream.run(streamId, base.seq, base.chain, at).lastInsertRowid);
  statements.pointStream.run(addGeneration(statements, stream, base), base.seq, base.chain, at, stream);
}

function addGeneration(statements: Statements, stream: bigint, base: Base): bigint {
  const { epoch, seq, chain, contiguity } = base;
  const gapsAllowed = contiguity === 'gaps-allowed' ? 1n : 0n;
  return BigInt(statements.insertGeneration.run(stream, epoch, seq, chain, gapsAllowed).lastInsertRowid);
}
