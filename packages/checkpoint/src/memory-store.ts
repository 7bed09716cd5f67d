import { type Clock, canonicalPayloadHash, type PayloadHash, type SyncEvent } from '@autopilot/sync-contract';
import { CheckpointError } from './errors.ts';
import { CommitListeners } from './listeners.ts';
import {
  accountOf,
  indexAfter,
  type MemoryAccount,
  type MemoryContent,
  type MemoryStream,
  planCommit,
  streamAt,
} from './memory-content.ts';
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
import { cutOf } from './trim.ts';
import { checkChange, checkLimit, checkPage, checkReset, checkTrim } from './validate.ts';
import { verifyStream } from './verify.ts';

/** What an open store in memory is made of. */
export interface MemoryParts {
  readonly scope: StoreScope;
  readonly clock: Clock;
  readonly limits: Required<AuditLimits>;
  readonly onCall: (method: keyof CheckpointStore) => void;
  readonly recovered: RecoveryReport | undefined;
  readonly content: MemoryContent;
  readonly release: () => void;
  /** Takes a copy as the previous generation. */
  readonly keep: (copy: MemoryContent) => void;
}

/** A {@link CheckpointStore} without a file. Made by `memoryCheckpoints`. */
export class MemoryCheckpointStore implements CheckpointStore {
  readonly scope: StoreScope;
  readonly recovered: RecoveryReport | undefined;
  readonly #parts: MemoryParts;
  readonly #account: MemoryAccount;
  readonly #listeners = new CommitListeners();
  #commits = 0;
  #committedEvents = 0;
  #refusedCommits = 0;
  #isClosed = false;

  constructor(parts: MemoryParts) {
    this.scope = parts.scope;
    this.recovered = parts.recovered;
    this.#parts = parts;
    this.#account = accountOf(parts.content, parts.scope);
  }

  load(streamId: string): StoredStream | undefined {
    this.#enter('load');
    const stream = this.#account.streams.get(streamId);
    return stream === undefined ? undefined : toStoredStream(stream);
  }

  streams(): readonly StoredStream[] {
    this.#enter('streams');
    return inOrder(this.#account.streams).map(toStoredStream);
  }

  commit(changes: readonly StreamChange[]): Commit {
    const commit: Commit = { changes };
    const at = this.#now();
    try {
      this.#enter('commit');
      for (const change of changes) checkChange(change);
      for (const { change, stream } of planCommit(this.#account, changes, at)) this.#write(stream, change, at);
    } catch (error) {
      this.#refusedCommits += 1;
      throw error;
    }
    this.#commits += 1;
    for (const change of changes) this.#committedEvents += change.events.length;
    this.#listeners.tell(commit);
    return commit;
  }

  resetStream(streamId: string, to: ResetTo): StoredStream {
    this.#enter('resetStream');
    checkReset(streamId, to);
    const at_ms = this.#now();
    const { streams, retired, resets } = this.#account;
    const from = streams.get(streamId);
    const { epoch, seq, chain, reason, contiguity = from?.contiguity ?? 'dense' } = to;
    if (from !== undefined) retired.push(...from.events);
    const stream = streamAt(streamId, to, contiguity, at_ms);
    streams.set(streamId, stream);
    const before = from && { epoch: from.epoch, seq: from.seq, chain: from.chain };
    resets.push({ stream_id: streamId, from: before, to: { epoch, seq, chain }, reason, at_ms });
    this.#dropOldResets(streamId, reason);
    return toStoredStream(stream);
  }

  resets(streamId?: string): readonly StreamReset[] {
    this.#enter('resets');
    return this.#account.resets.filter((reset) => streamId === undefined || reset.stream_id === streamId);
  }

  events(streamId: string, page: Page): readonly SyncEvent[] {
    this.#enter('events');
    checkPage(page);
    const events = this.#account.streams.get(streamId)?.events ?? [];
    const from = indexAfter(events, page.after);
    return events.slice(from, from + page.limit);
  }

  hashAt(streamId: string, epoch: string, seq: bigint): PayloadHash | undefined {
    this.#enter('hashAt');
    const stream = this.#account.streams.get(streamId);
    if (stream?.epoch !== epoch) return undefined;
    const event = stream.events[indexAfter(stream.events, seq - 1n)];
    return event?.seq === seq ? event.payload_hash : undefined;
  }

  seqOf(streamId: string, epoch: string, idempotencyKey: string): bigint | undefined {
    this.#enter('seqOf');
    const stream = this.#account.streams.get(streamId);
    return stream?.epoch === epoch ? stream.keys.get(idempotencyKey) : undefined;
  }

  quarantine(conflict: ConflictRecord): QuarantineOutcome {
    this.#enter('quarantine');
    const { stream_id, reason, event, known_hash } = conflict;
    const at = this.#now();
    const trueHash = canonicalPayloadHash(event.payload);
    const { payload_hash, idempotency_key } = event;
    const place = [stream_id, reason, event.stream_id, event.epoch, `${event.seq}`];
    const name = JSON.stringify([...place, payload_hash, trueHash, idempotency_key]);
    const { conflicts } = this.#account;
    const known = conflicts.get(name);
    if (known !== undefined) {
      conflicts.set(name, { ...known, times: known.times + 1n, last_at_ms: at });
      return 'repeated';
    }
    const kept = [...conflicts.values()].filter((one) => one.stream_id === stream_id).length;
    if (kept >= this.#parts.limits.quarantined_per_stream) {
      this.#countOverflow(stream_id, 'quarantine', 1n, reason, at);
      return 'counted';
    }
    conflicts.set(name, { stream_id, reason, event, known_hash, times: 1n, first_at_ms: at, last_at_ms: at });
    return 'kept';
  }

  quarantined(streamId?: string): readonly QuarantinedConflict[] {
    this.#enter('quarantined');
    const all = [...this.#account.conflicts.values()];
    return all.filter((conflict) => streamId === undefined || conflict.stream_id === streamId);
  }

  overflows(): readonly AuditOverflow[] {
    this.#enter('overflows');
    return inOrder(this.#account.overflows);
  }

  clearQuarantine(streamId: string): bigint {
    this.#enter('clearQuarantine');
    const { conflicts, overflows } = this.#account;
    const name = overflowName({ stream_id: streamId, of: 'quarantine' });
    let times = overflows.get(name)?.times ?? 0n;
    overflows.delete(name);
    for (const [key, conflict] of conflicts) {
      if (conflict.stream_id !== streamId) continue;
      times += conflict.times;
      conflicts.delete(key);
    }
    return times;
  }

  effects(page: Page): readonly StoredEffect[] {
    this.#enter('effects');
    checkPage(page);
    return [...this.#account.effects.values()].filter(({ id }) => id > page.after).slice(0, page.limit);
  }

  settleEffect(id: bigint): boolean {
    this.#enter('settleEffect');
    return this.#account.effects.delete(id);
  }

  verify(streamId: string): Verification {
    this.#enter('verify');
    const stream = this.#known(streamId);
    return verifyStream(stream, (after, limit) => {
      const from = indexAfter(stream.events, after);
      return stream.events.slice(from, from + limit);
    });
  }

  trim(streamId: string, options: TrimOptions): TrimReport {
    this.#enter('trim');
    checkTrim(options);
    const stream = this.#known(streamId);
    const { stream_id, contiguity, base_seq, base_chain } = stream;
    const from = { stream_id, contiguity, base: { seq: base_seq, chain: base_chain } };
    const { base, report } = cutOf(from, stream.events.slice(0, options.limit + 1), options);
    for (const event of stream.events.splice(0, report.removed)) stream.keys.delete(event.idempotency_key);
    stream.base_seq = base.seq;
    stream.base_chain = base.chain;
    return report;
  }

  discardRetired(limit: number): number {
    this.#enter('discardRetired');
    checkLimit(limit);
    return this.#account.retired.splice(0, limit).length;
  }

  reclaim(pages: number): ReclaimReport {
    this.#enter('reclaim');
    checkLimit(pages);
    return { freed_pages: 0, free_pages: 0 };
  }

  onCommitted(listener: (commit: Commit) => void): () => void {
    this.#enter('onCommitted');
    return this.#listeners.add(listener);
  }

  counts(): StoreCounts {
    this.#enter('counts');
    const { streams, resets, conflicts, effects, overflows } = this.#account;
    const overflowOf = (of: AuditOverflow['of']) =>
      [...overflows.values()].reduce((sum, one) => sum + (one.of === of ? Number(one.times) : 0), 0);
    return {
      commits: this.#commits,
      committed_events: this.#committedEvents,
      refused_commits: this.#refusedCommits,
      listener_errors: this.#listeners.errors,
      streams: streams.size,
      resets: resets.length,
      quarantined: conflicts.size,
      unsettled_effects: effects.size,
      quarantine_overflow: overflowOf('quarantine'),
      resets_overflow: overflowOf('resets'),
    };
  }

  async backup(): Promise<BackupReport> {
    this.#enter('backup');
    this.#parts.keep(structuredClone(this.#parts.content));
    return { file: 'memory', bytes: 0 };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#parts.release();
  }

  #write(stream: MemoryStream, change: StreamChange, at: number): void {
    const { streams, effects } = this.#account;
    streams.set(stream.stream_id, stream);
    stream.events.push(...change.events);
    for (const event of change.events) stream.keys.set(event.idempotency_key, event.seq);
    stream.seq = change.seq;
    stream.chain = change.chain;
    stream.updated_at_ms = at;
    for (const { kind, body } of change.effects ?? []) {
      const { content } = this.#parts;
      content.lastEffect += 1n;
      const { stream_id, epoch, seq } = change;
      effects.set(content.lastEffect, { id: content.lastEffect, stream_id, epoch, seq, kind, body });
    }
  }

  #dropOldResets(streamId: string, reason: string): void {
    const { resets } = this.#account;
    const own = resets.filter((reset) => reset.stream_id === streamId);
    const old = own.slice(0, Math.max(0, own.length - this.#parts.limits.resets_per_stream));
    for (const reset of old) resets.splice(resets.indexOf(reset), 1);
    if (old.length > 0) this.#countOverflow(streamId, 'resets', BigInt(old.length), reason, this.#now());
  }

  #countOverflow(stream_id: string, of: AuditOverflow['of'], more: bigint, last_reason: string, at: number): void {
    const name = overflowName({ stream_id, of });
    const { times = 0n, first_at_ms = at } = this.#account.overflows.get(name) ?? {};
    const next: AuditOverflow = { stream_id, of, times: times + more, last_reason, first_at_ms, last_at_ms: at };
    this.#account.overflows.set(name, next);
  }

  #known(streamId: string): MemoryStream {
    const stream = this.#account.streams.get(streamId);
    if (stream === undefined) throw new CheckpointError('unknown_stream', `Nothing is stored of "${streamId}".`);
    return stream;
  }

  #now(): number {
    return Math.trunc(this.#parts.clock.now());
  }

  #enter(method: keyof CheckpointStore): void {
    if (this.#isClosed) throw new CheckpointError('closed', 'The store is closed.');
    this.#parts.onCall(method);
  }
}

function toStoredStream(stream: MemoryStream): StoredStream {
  const { stream_id, epoch, seq, chain, base_seq, base_chain, contiguity, updated_at_ms } = stream;
  return { stream_id, epoch, seq, chain, base_seq, base_chain, contiguity, updated_at_ms };
}

function overflowName({ stream_id, of }: Pick<AuditOverflow, 'stream_id' | 'of'>): string {
  // Sorted by stream first: no text comes before the end of another that it begins with.
  return `${stream_id}\0${of}`;
}

function inOrder<T>(byName: ReadonlyMap<string, T>): readonly T[] {
  return [...byName.keys()].sort().flatMap((name) => byName.get(name) ?? []);
}
