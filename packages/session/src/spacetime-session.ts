import type { CodedError, EventDraft, LaneSignal, LaneState, StreamPosition } from '@autopilot/sync-contract';
import type { CallOptions } from './calls/call-queue.ts';
import { type Channel, Connections } from './connections.ts';
import { type Environment, newEnvironment } from './environment.ts';
import { SessionError } from './errors.ts';
import { Grants } from './grants.ts';
import type { NetworkHint } from './lifecycle.ts';
import { decodeReceipt } from './module/event-rows.ts';
import { type Fanout, type GrantRole, type ReducerCall, reducers } from './module/reducers.ts';
import { decodeGrant, type Grant, viewQueries } from './module/views.ts';
import { type SessionOptions, type Settings, settingsOf } from './options.ts';
import { decodeChanges, decodeRows } from './rows/decode-rows.ts';
import { unionOfRows } from './rows/row-bag.ts';
import {
  type RowDecoder,
  type Subscription,
  type SubscriptionHandlers,
  SubscriptionRecord,
} from './rows/subscription.ts';
import type { AppendReceipt, FollowOptions, GrantChange, ReadOptions, Session } from './session.ts';
import type { ConnectionStatus, SessionStatus, StreamStatus } from './status.ts';
import { StreamRecord } from './streams/record.ts';
import { replayProgress } from './streams/replay.ts';
import { BsatnReader } from './wire/bsatn-reader.ts';
import type { QuerySetUpdate } from './wire/server-message.ts';

/** The session behind the interface: what the owner asks for, on top of the lifecycle. */
export class SpacetimeSession implements Session {
  readonly id = 'spacetime';
  readonly #env: Environment;
  readonly #settings: Settings;
  readonly #listeners = new Set<(signal: LaneSignal) => void>();
  readonly #grantListeners = new Set<(change: GrantChange) => void>();
  readonly #connections: Connections;
  readonly #grants: Grants;

  constructor(options: SessionOptions) {
    this.#settings = settingsOf(options);
    this.#env = newEnvironment(options.ports);
    this.#connections = new Connections(this.#env, this.#settings, {
      emit: (signal) => this.#emit(signal),
      noticed: (record, notice, detail) => this.#noticed(record, notice, detail),
    });
    this.#grants = new Grants(
      this.#env,
      {
        subscribe: (handlers) =>
          this.subscribe([viewQueries.myStreams], handlers, (_table, row) => decodeGrant(row.readRest())),
        tell: (change) => {
          for (const listener of this.#grantListeners) this.#env.turns.tell(() => listener(change));
        },
      },
      this.#settings,
    );
    if (this.#settings.followGranted) this.#grants.follow();
  }

  get state(): LaneState {
    return this.#connections.main.lifecycle.state;
  }

  get grants(): readonly Grant[] {
    return this.#grants.all;
  }

  get grantsError(): CodedError<string> | undefined {
    return this.#grants.error;
  }

  start(): void {
    this.#env.turns.run(() => this.#connections.start());
  }

  retryNow(): void {
    this.#env.turns.run(() => this.#connections.retryNow());
  }

  hint(kind: NetworkHint): void {
    this.#env.turns.run(() => this.#connections.hint(kind));
  }

  listen(listener: (signal: LaneSignal) => void): () => void {
    // A wrapper, so that one function given twice is two listeners.
    const own = (signal: LaneSignal) => listener(signal);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  async close(): Promise<void> {
    this.#grants.stop();
    const subscriptions = this.#connections.channels.flatMap((channel) => [...channel.subscriptions]);
    await this.#connections.close();
    for (const record of subscriptions) record.state = 'ended';
    for (const channel of this.#connections.channels) channel.subscriptions.clear();
    this.#listeners.clear();
    this.#grantListeners.clear();
  }

  follow(streamId: string, after: StreamPosition | null, { readMode }: FollowOptions = {}): void {
    this.#refuseWithoutStreams('follow');
    this.#env.turns.run(() => {
      const known = this.#connections.record(streamId);
      if (known !== undefined && known.standing !== 'closed') {
        // Followed already: another position is what `rewind` is for.
        return;
      }
      if (known !== undefined) this.#drop(known);
      const { liveBuffer, applyWindow } = this.#settings;
      const record = new StreamRecord(streamId, after, {
        readMode: readMode ?? known?.readMode ?? this.#settings.readMode,
        bufferLimit: liveBuffer,
        window: applyWindow,
      });
      this.#connections.open(record.readMode).records.set(streamId, record);
      for (const link of this.#connections.links(record)) link.follow(record);
      this.#connections.changed();
    });
  }

  rewind(streamId: string, after: StreamPosition | null): void {
    this.#env.turns.run(() => {
      const record = this.#connections.record(streamId);
      if (record === undefined || record.standing === 'closed') {
        this.follow(streamId, after);
        return;
      }
      record.rewind(after);
      for (const link of this.#connections.links(record)) link.rewind(record);
      this.#connections.changed();
    });
  }

  applied(streamId: string, position: StreamPosition): void {
    this.#env.turns.run(() => {
      const record = this.#connections.record(streamId);
      if (record === undefined) return;
      record.apply(position);
      for (const link of this.#connections.links(record)) link.applied(streamId);
    });
  }

  unfollow(streamId: string): void {
    this.#env.turns.run(() => {
      const record = this.#connections.record(streamId);
      if (record === undefined) return;
      this.#drop(record);
      this.#connections.changed();
    });
  }

  #drop(record: StreamRecord): void {
    // A connection that is being handed over still reads it until it is closed.
    record.standing = 'closed';
    for (const link of this.#connections.links(record)) link.unfollow(record.stream_id);
    for (const { records } of this.#connections.channels) {
      if (records.get(record.stream_id) === record) records.delete(record.stream_id);
    }
  }

  async call(reducer: string, args: Uint8Array, options: CallOptions = {}): Promise<void> {
    await this.#call({ reducer, args }, options);
  }

  async appendSyncEvent(
    draft: EventDraft,
    expectedNextSeq?: bigint,
    options: CallOptions = {},
  ): Promise<AppendReceipt> {
    const idempotencyKey = draft.idempotency_key;
    const update = await this.#moduleCall(reducers.appendSyncEvent(draft, expectedNextSeq), {
      ...options,
      idempotencyKey,
    });
    for (const set of update) {
      for (const { table, events } of set.tables) {
        if (table !== 'append_receipt') continue;
        for (const bytes of events) {
          const { stream_id, idempotency_key, outcome, epoch, seq } = decodeReceipt(bytes);
          if (stream_id !== draft.stream_id || idempotency_key !== draft.idempotency_key) continue;
          if (outcome === 'appended' || outcome === 'duplicate') return { outcome, epoch, seq };
        }
      }
    }
    this.#env.turns.run(() => this.#connections.main.lifecycle.receiptMissing());
    throw new SessionError('receipt_missing', 'The host accepted the event without a receipt.', {
      details: { stream_id: draft.stream_id, idempotency_key: draft.idempotency_key },
    });
  }

  async ackCheckpoint(
    checkpoint: StreamPosition & { readonly stream_id: string; readonly chain: string },
    options: CallOptions = {},
  ): Promise<void> {
    const { stream_id, epoch, seq, chain } = checkpoint;
    const call = reducers.ackCheckpoint(this.#settings.clientId, stream_id, epoch, seq, chain);
    await this.#moduleCall(call, repeatable(call, options));
  }

  async createStream(
    streamId: string,
    streamClass: string,
    fanout: Fanout,
    { epoch, ...options }: CallOptions & { readonly epoch?: string | undefined } = {},
  ): Promise<void> {
    const call = reducers.createStream(streamId, streamClass, fanout, epoch);
    await this.#moduleCall(call, repeatable(call, options));
  }

  async grantStream(
    identity: string,
    streamId: string,
    role: GrantRole,
    expiresAt?: bigint,
    options: CallOptions = {},
  ): Promise<void> {
    await this.#moduleCall(reducers.grantStream(identity, streamId, role, expiresAt), options);
  }

  async revokeStream(identity: string, streamId: string, options: CallOptions = {}): Promise<void> {
    await this.#moduleCall(reducers.revokeStream(identity, streamId), options);
  }

  async configure(issuer: string, audience: string, options: CallOptions = {}): Promise<void> {
    const call = reducers.configure(issuer, audience);
    await this.#moduleCall(call, repeatable(call, options));
  }

  async upsertPresence(
    presence: Parameters<typeof reducers.upsertPresence>[0],
    options: CallOptions = {},
  ): Promise<void> {
    const call = reducers.upsertPresence(presence);
    await this.#moduleCall(call, repeatable(call, options));
  }

  async heartbeat(sessionId: string, options: CallOptions = {}): Promise<void> {
    const call = reducers.heartbeat(sessionId);
    await this.#moduleCall(call, repeatable(call, options));
  }

  async enqueueBridgeEvent(
    event: Parameters<Session['enqueueBridgeEvent']>[0],
    options: CallOptions = {},
  ): Promise<void> {
    const call = reducers.enqueueBridgeEvent(event.event_id, event.transport, event.payload, event.payload_hash);
    await this.#moduleCall(call, repeatable(call, options));
  }

  async markBridgeEventSent(eventId: string, receipt: string, options: CallOptions = {}): Promise<void> {
    const call = reducers.markBridgeEventSent(eventId, receipt);
    await this.#moduleCall(call, repeatable(call, options));
  }

  async refuseBridgeEvent(eventId: string, reason: string, options: CallOptions = {}): Promise<void> {
    const call = reducers.refuseBridgeEvent(eventId, reason);
    await this.#moduleCall(call, repeatable(call, options));
  }

  subscribe(
    queries: readonly string[],
    handlers: SubscriptionHandlers<Uint8Array>,
    decode?: undefined,
    options?: ReadOptions,
  ): Subscription<Uint8Array>;
  subscribe<Row>(
    queries: readonly string[],
    handlers: SubscriptionHandlers<Row>,
    decode: RowDecoder<Row>,
    options?: ReadOptions,
  ): Subscription<Row>;
  subscribe(
    queries: readonly string[],
    handlers: SubscriptionHandlers<unknown>,
    decode?: RowDecoder<unknown>,
    { readMode = this.#settings.readMode }: ReadOptions = {},
  ): Subscription<unknown> {
    this.#refuseWhenClosed();
    const { turns } = this.#env;
    const reader = new BsatnReader();
    const record: SubscriptionRecord = new SubscriptionRecord(
      queries,
      (source, changes) =>
        turns.tell(() => {
          if (record.state === 'ended') return;
          handlers.batch({ source, changes: decode === undefined ? changes : decodeChanges(reader, changes, decode) });
        }),
      (error) => turns.tell(() => handlers.failed?.(error)),
    );
    turns.run(() => {
      this.#connections.open(readMode).subscriptions.add(record);
      for (const link of this.#connections.links({ readMode })) link.attach(record);
    });
    return {
      get state() {
        return record.state;
      },
      rows: (table) => {
        const rows = record.visible.rows(table);
        return decode === undefined ? rows : decodeRows(reader, table, rows, decode);
      },
      end: () =>
        turns.run(() => {
          record.state = 'ended';
          for (const channel of this.#connections.channels) channel.subscriptions.delete(record);
          for (const link of this.#connections.links({ readMode })) link.detach(record);
          this.#connections.changed();
        }),
    };
  }

  rows(table: string): Uint8Array[] {
    return unionOfRows(
      this.#connections.channels.flatMap(({ subscriptions }) => [...subscriptions].map(({ visible }) => visible)),
      table,
    );
  }

  onGrants(listener: (change: GrantChange) => void): () => void {
    const own = (change: GrantChange) => listener(change);
    this.#grantListeners.add(own);
    return () => this.#grantListeners.delete(own);
  }

  status(): SessionStatus {
    const { channels, main, calls } = this.#connections;
    const { counters, ports } = this.#env;
    const { token } = main.lifecycle;
    return {
      ...connectionStatus(main),
      token_expires_at: token?.expires_at,
      token_refresh_after: token?.refresh_after,
      database: token?.database,
      calls: { queued: calls.queued, in_flight: calls.inFlight },
      connections: channels.map(connectionStatus),
      streams: Object.fromEntries(
        channels.flatMap(({ records, lifecycle }) =>
          [...records].map(([id, record]) => {
            const caughtUp = lifecycle.primary?.caughtUpWith(id) === true;
            return [id, streamStatus(record, caughtUp, ports.clock.monotonic())];
          }),
        ),
      ),
      counters: { ...counters, closes: { ...counters.closes } },
    };
  }

  /** A reducer of the module `autopilot-sync`. */
  async #moduleCall(call: ReducerCall, options: CallOptions): Promise<readonly QuerySetUpdate[]> {
    this.#refuseWithoutStreams(call.reducer);
    return await this.#call(call, options);
  }

  async #call(call: ReducerCall, options: CallOptions): Promise<readonly QuerySetUpdate[]> {
    this.#refuseWhenClosed();
    if (this.#settings.readOnly) {
      const details = { reducer: call.reducer };
      throw new SessionError('read_only', `${call.reducer} was not sent: the session is read-only.`, { details });
    }
    try {
      return await this.#env.turns.run(() => this.#connections.calls.call(call.reducer, call.args, options));
    } catch (error) {
      // The server never closes a connection whose token has expired, so its reducers are the first to notice.
      const expired = error instanceof Error && 'code' in error && error.code === 'token_expired';
      const { lifecycle } = this.#connections.main;
      if (expired) this.#env.turns.run(() => lifecycle.tokenExpired(lifecycle.primary));
      throw error;
    }
  }

  #refuseWithoutStreams(what: string): void {
    if (this.#settings.streams) return;
    throw new SessionError(
      'streams_disabled',
      `${what} is for streams, and this session was made with streams: false.`,
    );
  }

  #refuseWhenClosed(): void {
    if (this.state === 'draining' || this.state === 'closed') {
      throw new SessionError('session_closed', 'The session was closed.');
    }
  }

  #emit(signal: LaneSignal): void {
    const wanted = signal.type === 'batch' ? this.#wanted(signal.stream_id) : () => true;
    for (const listener of this.#listeners) {
      this.#env.turns.tell(() => {
        if (wanted() && this.#listeners.has(listener)) listener(signal);
      });
    }
  }

  /** Whether the stream, when it is told, is still read from where it was; decided once, for all listeners alike. */
  #wanted(streamId: string): () => boolean {
    const record = this.#connections.record(streamId);
    const generation = record?.generation;
    let wanted: boolean | undefined;
    return () => {
      wanted ??= this.#connections.record(streamId) === record && record?.generation === generation;
      return wanted;
    };
  }

  #noticed(record: StreamRecord, notice: string, detail: string): void {
    if (record.standing === 'closed') return;
    if (notice !== 'revoked' && notice !== 'retired') return;
    record.standing = 'closed';
    for (const link of this.#connections.links(record)) link.unfollow(record.stream_id);
    this.#emit({
      type: 'stream-closed',
      stream_id: record.stream_id,
      code: notice === 'revoked' ? 'forbidden' : 'unknown_stream',
      message: detail === '' ? `The stream was ${notice}.` : detail,
    });
    this.#connections.changed();
  }
}

/**
 * For reducers that say nothing new when they run twice. Grants and revocations are not among them: a late repetition
 * could undo what somebody else has decided since.
 */
function repeatable(call: ReducerCall, options: CallOptions): CallOptions {
  return { idempotencyKey: call.reducer, ...options };
}

function connectionStatus({ lifecycle, readMode }: Channel): ConnectionStatus {
  const { lastClose, primary } = lifecycle;
  return {
    read_mode: readMode,
    state: lifecycle.state,
    since: lifecycle.since,
    attempt: lifecycle.attempt,
    failures: lifecycle.failures,
    last_close: lastClose && { code: lastClose.code, message: lastClose.message, at: lastClose.at },
    next_retry_ms: lifecycle.nextRetryMs,
    refreshing: lifecycle.refreshing,
    protocol: primary?.info?.protocol,
    identity: primary?.info?.identity,
    connection_id: primary?.info?.connection_id,
  };
}

function streamStatus(record: StreamRecord, caughtUp: boolean, nowMs: number): StreamStatus {
  const { merge, standing, source, polled, replayFrom } = record;
  const known = merge.position !== null || polled !== undefined;
  const at = merge.position?.seq ?? 0n;
  const phase =
    standing !== 'following' ? standing : caughtUp ? 'live' : source === undefined ? 'waiting' : 'catching-up';
  return {
    position: merge.position,
    head: known && source !== undefined ? record.knownHead : undefined,
    phase,
    source,
    read_mode: record.readMode,
    progress:
      phase === 'catching-up' && replayFrom !== undefined
        ? replayProgress(replayFrom, at, record.knownHead, nowMs)
        : undefined,
    stalls: record.stalls,
    waiting_rows: merge.held,
    unapplied: record.unapplied,
    held_since: record.heldSince,
  };
}
