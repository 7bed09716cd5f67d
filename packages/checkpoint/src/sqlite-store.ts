import type { Clock, PayloadHash, SyncEvent } from '@autopilot/sync-contract';
import type { Database, Transaction } from 'better-sqlite3';
import { clearConflicts, toAuditOverflow, toQuarantinedConflict, toStreamReset, writeConflict } from './audit.ts';
import { writePrevious } from './backup.ts';
import { CheckpointError, toCheckpointError } from './errors.ts';
import { CommitListeners } from './listeners.ts';
import type { FileLock } from './lock.ts';
import type {
  AuditLimits,
  AuditOverflow,
  BackupReport,
  CheckpointStore,
  Commit,
  ConflictRecord,
  Page,
  QuarantinedConflict,
  QuarantineOutcome,
  ReclaimReport,
  RecoveryReport,
  ResetTo,
  StoreCounts,
  StoredEffect,
  StoredStream,
  StoreScope,
  StreamChange,
  StreamReset,
  TrimOptions,
  TrimReport,
  Verification,
} from './store.ts';
import { StreamHeads } from './stream-heads.ts';
import type { StreamRow } from './stream-statements.ts';
import { cutOf } from './trim.ts';
import { checkChange, checkLimit, checkPage, checkReset, checkTrim } from './validate.ts';
import { verifyStream } from './verify.ts';
import { contiguityOf, type Statements, writeChange, writeReset } from './write.ts';

/** What an open store is made of. */
export interface StoreParts {
  readonly file: string;
  readonly scope: StoreScope;
  readonly sqlite: Database;
  readonly statements: Statements;
  readonly lock: FileLock;
  readonly clock: Clock;
  readonly synchronous: 'NORMAL' | 'FULL';
  readonly limits: Required<AuditLimits>;
  readonly recovered: RecoveryReport | undefined;
}

/** A {@link CheckpointStore} on a SQLite file. Made by `openCheckpointStore`. */
export class SqliteCheckpointStore implements CheckpointStore {
  readonly scope: StoreScope;
  readonly recovered: RecoveryReport | undefined;
  readonly #parts: StoreParts;
  readonly #statements: Statements;
  readonly #heads: StreamHeads;
  readonly #listeners = new CommitListeners();
  readonly #writeAll: Transaction<(changes: readonly StreamChange[], at: bigint) => void>;
  readonly #write: Transaction<(work: () => unknown) => unknown>;
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
    this.#heads = new StreamHeads(statements);
    this.#writeAll = sqlite.transaction((changes, at) => {
      for (const change of changes) writeChange(statements, this.#heads, change, at);
    });
    this.#write = sqlite.transaction((work) => {
      this.#heads.forget();
      return work();
    });
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
      this.#heads.forget();
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
    this.#record('Resetting a stream', () => {
      checkReset(streamId, to);
      writeReset(this.#statements, streamId, to, this.#parts.limits.resets_per_stream, this.#now());
    });
    return toStoredStream(this.#known(streamId));
  }

  resets(streamId?: string): readonly StreamReset[] {
    const rows = this.#run('Listing resets', () => this.#statements.resets.all());
    return rows.filter((row) => streamId === undefined || row.stream_id === streamId).map(toStreamReset);
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
      const stream = this.#heads.get(streamId);
      if (stream?.epoch !== epoch) return undefined;
      return this.#statements.hashAt.get(stream.generation, seq)?.payload_hash;
    });
  }

  seqOf(streamId: string, epoch: string, idempotencyKey: string): bigint | undefined {
    return this.#run('Reading a key', () => {
      const stream = this.#heads.get(streamId);
      if (stream?.epoch !== epoch) return undefined;
      return this.#statements.seqOf.get(stream.generation, idempotencyKey)?.seq;
    });
  }

  quarantine(conflict: ConflictRecord): QuarantineOutcome {
    const { quarantined_per_stream } = this.#parts.limits;
    return this.#record('Quarantining an event', () =>
      writeConflict(this.#statements, conflict, quarantined_per_stream, this.#now()),
    );
  }

  quarantined(streamId?: string): readonly QuarantinedConflict[] {
    const { quarantined, quarantinedOf } = this.#statements;
    const read = () => (streamId === undefined ? quarantined.all() : quarantinedOf.all(streamId));
    return this.#run('Listing the quarantine', read).map(toQuarantinedConflict);
  }

  overflows(): readonly AuditOverflow[] {
    return this.#run('Listing what was counted', () => this.#statements.overflows.all()).map(toAuditOverflow);
  }

  clearQuarantine(streamId: string): bigint {
    return this.#record('Clearing a quarantine', () => clearConflicts(this.#statements, streamId));
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
    return this.#run('Verifying a stream', () => {
      const stream = this.#known(streamId);
      const read = (after: bigint, limit: number) =>
        this.#statements.events.all(stream.generation, after, BigInt(limit));
      return verifyStream({ ...stream, contiguity: contiguityOf(stream) }, read);
    });
  }

  trim(streamId: string, options: TrimOptions): TrimReport {
    return this.#inTransaction('Removing old events', () => {
      checkTrim(options);
      const stream = this.#known(streamId);
      const { stream_id, generation, base_seq, base_chain } = stream;
      const oldest = this.#statements.events.all(generation, base_seq, BigInt(options.limit + 1));
      const from = { stream_id, base: { seq: base_seq, chain: base_chain }, contiguity: contiguityOf(stream) };
      const { base, report } = cutOf(from, oldest, options);
      if (report.removed === 0) return report;
      this.#statements.discardEvents.run(generation, base.seq);
      this.#statements.moveBase.run(base.seq, base.chain, generation);
      return report;
    });
  }

  discardRetired(limit: number): number {
    return this.#inTransaction('Discarding events', () => {
      checkLimit(limit);
      // One generation at a time, so that a call never holds the file for longer than `limit` events take.
      const id = this.#statements.retired.get()?.id;
      const last = id === undefined ? undefined : this.#statements.events.all(id, 0n, BigInt(limit)).at(-1);
      const removed =
        id === undefined || last === undefined ? 0 : this.#statements.discardEvents.run(id, last.seq).changes;
      this.#statements.discardEmpty.run(BigInt(limit));
      return removed;
    });
  }

  reclaim(pages: number): ReclaimReport {
    return this.#run('Giving space back', () => {
      checkLimit(pages);
      const { sqlite } = this.#parts;
      const free = () => Number(sqlite.pragma('freelist_count', { simple: true }));
      const before = free();
      sqlite.pragma(`incremental_vacuum(${pages})`);
      const free_pages = free();
      return { freed_pages: before - free_pages, free_pages };
    });
  }

  onCommitted(listener: (commit: Commit) => void): () => void {
    this.#open();
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
      quarantine_overflow: this.#overflowOf('quarantine'),
      resets_overflow: this.#overflowOf('resets'),
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

  #overflowOf(of: AuditOverflow['of']): number {
    const rows = this.#statements.overflows.all().filter((row) => row.of === of);
    return rows.reduce((sum, { times }) => sum + Number(times), 0);
  }

  #now(): bigint {
    return BigInt(Math.trunc(this.#parts.clock.now()));
  }

  #open(): void {
    if (this.#isClosed) throw new CheckpointError('closed', 'The store is closed.');
  }

  #inTransaction<T>(doing: string, work: () => T): T {
    return this.#run(doing, () => this.#write.immediate(work) as T);
  }

  /** As a transaction that also survives the loss of power: what it writes cannot be read again from anywhere. */
  #record<T>(doing: string, work: () => T): T {
    const { sqlite, synchronous } = this.#parts;
    return this.#run(doing, () => {
      sqlite.pragma('synchronous = full');
      try {
        return this.#write.immediate(work) as T;
      } finally {
        sqlite.pragma(`synchronous = ${synchronous}`);
      }
    });
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
  const contiguity = contiguityOf(row);
  return { stream_id, epoch, seq, chain, base_seq, base_chain, contiguity, updated_at_ms: Number(row.updated_at_ms) };
}
