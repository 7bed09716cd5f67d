import { type Clock, canonicalPayloadHash, type PayloadHash, type SyncEvent } from '@autopilot/sync-contract';
import type { Database, Transaction } from 'better-sqlite3';
import { writePrevious } from './backup.ts';
import { CheckpointError, toCheckpointError } from './errors.ts';
import { CommitListeners } from './listeners.ts';
import type { FileLock } from './lock.ts';
import type {
  BackupReport,
  CheckpointStore,
  Commit,
  ConflictRecord,
  Page,
  QuarantinedConflict,
  RecoveryReport,
  ResetTo,
  StoreCounts,
  StoredEffect,
  StoredStream,
  StoreScope,
  StreamChange,
  StreamReset,
  Verification,
} from './store.ts';
import type { StreamRow } from './stream-statements.ts';
import { checkChange, checkLimit, checkPage, checkReset } from './validate.ts';
import { verifyStream } from './verify.ts';
import { type Statements, writeChange, writeReset } from './write.ts';

/** What an open store is made of. */
export interface StoreParts {
  readonly file: string;
  readonly scope: StoreScope;
  readonly sqlite: Database;
  readonly statements: Statements;
  readonly lock: FileLock;
  readonly clock: Clock;
  readonly recovered: RecoveryReport | undefined;
}

/** A {@link CheckpointStore} on a SQLite file. Made by `openCheckpointStore`. */
export class SqliteCheckpointStore implements CheckpointStore {
  readonly scope: StoreScope;
  readonly recovered: RecoveryReport | undefined;
  readonly #parts: StoreParts;
  readonly #statements: Statements;
  readonly #listeners = new CommitListeners();
  readonly #writeAll: Transaction<(changes: readonly StreamChange[], at: bigint) => void>;
  readonly #writeReset: Transaction<(streamId: string, to: ResetTo, at: bigint) => void>;
  #commits = 0;
  #committedEvents = 0;
  #refusedCommits = 0;
  #backup: Promise<BackupReport> | undefined;
  #isClosed = false;

  constructor(parts: StoreParts) {
    const { sqlite, statements } = parts;
    this.scope = parts.scope;
    this.recovered = parts.recovered;
    this.#parts = parts;
    this.#statements = statements;
    this.#writeAll = sqlite.transaction((changes, at) => {
      for (const change of changes) writeChange(statements, change, at);
    });
    this.#writeReset = sqlite.transaction((streamId, to, at) => writeReset(statements, streamId, to, at));
  }

  load(streamId: string): StoredStream | undefined {
    const row = this.#run('Loading a stream', () => this.#statements.stream.get(streamId));
    return row === undefined ? undefined : toStoredStream(row);
  }

  streams(): readonly StoredStream[] {
    return this.#run('Listing streams', () => this.#statements.streams.all()).map(toStoredStream);
  }

  commit(changes: readonly StreamChange[]): Commit {
    const commit: Commit = { changes };
    try {
      this.#run('Committing', () => {
        for (const change of changes) checkChange(change);
        this.#writeAll.immediate(changes, this.#now());
      });
    } catch (error) {
      this.#refusedCommits += 1;
      throw error;
    }
    this.#commits += 1;
    for (const change of changes) this.#committedEvents += change.events.length;
    // Only here: the transaction has returned, so nobody hears of what could still be rolled back.
    this.#listeners.tell(commit);
    return commit;
  }

  resetStream(streamId: string, to: ResetTo): StoredStream {
    this.#run('Resetting a stream', () => {
      checkReset(streamId, to);
      this.#writeReset.immediate(streamId, to, this.#now());
    });
    return toStoredStream(this.#known(streamId));
  }

  resets(streamId?: string): readonly StreamReset[] {
    const rows = this.#run('Listing resets', () => this.#statements.resets.all());
    return rows
      .filter((row) => streamId === undefined || row.stream_id === streamId)
      .map((row) => ({
        stream_id: row.stream_id,
        from:
          row.from_epoch === null || row.from_seq === null || row.from_chain === null
            ? undefined
            : { epoch: row.from_epoch, seq: row.from_seq, chain: row.from_chain },
        to: { epoch: row.to_epoch, seq: row.to_seq, chain: row.to_chain },
        reason: row.reason,
        at_ms: Number(row.at_ms),
      }));
  }

  events(streamId: string, page: Page): readonly SyncEvent[] {
    return this.#run('Reading events', () => {
      checkPage(page);
      const stream = this.#statements.stream.get(streamId);
      if (stream === undefined) return [];
      const { epoch } = stream;
      const rows = this.#statements.events.all(stream.generation, page.after, BigInt(page.limit));
      return rows.map((row) => ({ stream_id: streamId, epoch, ...row }));
    });
  }

  hashAt(streamId: string, epoch: string, seq: bigint): PayloadHash | undefined {
    return this.#run('Reading a hash', () => {
      const stream = this.#statements.stream.get(streamId);
      if (stream?.epoch !== epoch) return undefined;
      return this.#statements.hashAt.get(stream.generation, seq)?.payload_hash;
    });
  }

  seqOf(streamId: string, epoch: string, idempotencyKey: string): bigint | undefined {
    return this.#run('Reading a key', () => {
      const stream = this.#statements.stream.get(streamId);
      if (stream?.epoch !== epoch) return undefined;
      return this.#statements.seqOf.get(stream.generation, idempotencyKey)?.seq;
    });
  }

  quarantine(conflict: ConflictRecord): void {
    const { event } = conflict;
    this.#run('Quarantining an event', () => {
      const at = this.#now();
      this.#statements.insertConflict.run(
        conflict.stream_id,
        conflict.reason,
        event.stream_id,
        event.epoch,
        `${event.seq}`,
        event.kind,
        event.payload,
        event.payload_hash,
        canonicalPayloadHash(event.payload),
        event.idempotency_key,
        `${event.committed_at}`,
        conflict.known_hash ?? null,
        at,
        at,
      );
    });
  }

  quarantined(streamId?: string): readonly QuarantinedConflict[] {
    const rows = this.#run('Listing the quarantine', () => this.#statements.quarantined.all());
    return rows
      .filter((row) => streamId === undefined || row.stream_id === streamId)
      .map((row) => ({
        stream_id: row.stream_id,
        reason: row.reason,
        event: {
          stream_id: row.event_stream_id,
          epoch: row.epoch,
          seq: BigInt(row.seq),
          kind: row.kind,
          payload: row.payload,
          payload_hash: row.payload_hash,
          idempotency_key: row.idempotency_key,
          committed_at: BigInt(row.committed_at),
        },
        known_hash: row.known_hash ?? undefined,
        times: row.times,
        first_at_ms: Number(row.first_at_ms),
        last_at_ms: Number(row.last_at_ms),
      }));
  }

  effects(page: Page): readonly StoredEffect[] {
    return this.#run('Reading effects', () => {
      checkPage(page);
      return this.#statements.effects.all(page.after, BigInt(page.limit));
    });
  }

  settleEffect(id: bigint): boolean {
    return this.#run('Settling an effect', () => this.#statements.settleEffect.run(id).changes > 0);
  }

  verify(streamId: string): Verification {
    return this.#run('Verifying a stream', () => verifyStream(this.#statements, this.#known(streamId)));
  }

  discardRetired(limit: number): number {
    return this.#run('Discarding events', () => {
      checkLimit(limit);
      for (const { id } of this.#statements.retired.all()) {
        const last = this.#statements.events.all(id, 0n, BigInt(limit)).at(-1);
        // One generation at a time, so that a call never holds the file for longer than `limit` events take.
        if (last !== undefined) return this.#statements.discardEvents.run(id, last.seq).changes;
      }
      return 0;
    });
  }

  onCommitted(listener: (commit: Commit) => void): () => void {
    return this.#listeners.add(listener);
  }

  counts(): StoreCounts {
    return this.#run('Counting', () => ({
      commits: this.#commits,
      committed_events: this.#committedEvents,
      refused_commits: this.#refusedCommits,
      listener_errors: this.#listeners.errors,
      streams: Number(this.#statements.countStreams.get()?.number),
      resets: Number(this.#statements.countResets.get()?.number),
      quarantined: Number(this.#statements.countQuarantined.get()?.number),
      unsettled_effects: Number(this.#statements.countEffects.get()?.number),
    }));
  }

  async backup(): Promise<BackupReport> {
    this.#open();
    // Two copies at once would write one file.
    this.#backup ??= writePrevious(this.#parts.sqlite, this.#parts.file, () => this.#isClosed).finally(() => {
      this.#backup = undefined;
    });
    return this.#backup;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#backup?.catch(() => undefined);
    try {
      this.#parts.sqlite.close();
    } finally {
      this.#parts.lock.release();
    }
  }

  #known(streamId: string): StreamRow {
    const row = this.#statements.stream.get(streamId);
    if (row === undefined) throw new CheckpointError('unknown_stream', `Nothing is stored of "${streamId}".`);
    return row;
  }

  #now(): bigint {
    return BigInt(Math.trunc(this.#parts.clock.now()));
  }

  #open(): void {
    if (this.#isClosed) throw new CheckpointError('closed', 'The store is closed.');
  }

  #run<T>(doing: string, work: () => T): T {
    this.#open();
    try {
      return work();
    } catch (cause) {
      throw toCheckpointError(cause, doing);
    }
  }
}

function toStoredStream(row: StreamRow): StoredStream {
  const { stream_id, epoch, seq, chain, base_seq, base_chain } = row;
  return { stream_id, epoch, seq, chain, base_seq, base_chain, updated_at_ms: Number(row.updated_at_ms) };
}
