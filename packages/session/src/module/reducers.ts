import { type EventDraft, SyncError } from '@autopilot/sync-contract';
import { Identity, Timestamp, t } from 'spacetimedb';
import { encode } from './codec.ts';

/** A reducer with its encoded arguments, ready for `session.call`. */
export interface ReducerCall {
  readonly reducer: string;
  readonly args: Uint8Array;
}

/** What a grant allows. */
export type GrantRole = 'reader' | 'writer' | 'admin';

/**
 * How the module tells of a new event. `inbox`: each watching identity gets the row. `doorbell`: who listens at the
 * stream's route hears that there is one. `public`: the row is in a table that every client may read.
 */
export const fanouts = ['inbox', 'doorbell', 'public'] as const;

/** One way to tell of a new event. */
export type Fanout = (typeof fanouts)[number];

const configureArgs = t.object('ConfigureArgs', { issuer: t.string(), audience: t.string() });
const createStreamArgs = t.object('CreateStreamArgs', {
  stream_id: t.string(),
  stream_class: t.string(),
  fanout: t.string(),
  epoch: t.string(),
});
const grantStreamArgs = t.object('GrantStreamArgs', {
  identity: t.identity(),
  stream_id: t.string(),
  role: t.string(),
  expires_at: t.option(t.timestamp()),
});
const revokeStreamArgs = t.object('RevokeStreamArgs', { identity: t.identity(), stream_id: t.string() });
const appendSyncEventArgs = t.object('AppendSyncEventArgs', {
  stream_id: t.string(),
  kind: t.string(),
  payload: t.string(),
  payload_hash: t.string(),
  idempotency_key: t.string(),
  expected_next_seq: t.option(t.u64()),
});
const ackCheckpointArgs = t.object('AckCheckpointArgs', {
  client_id: t.string(),
  stream_id: t.string(),
  epoch: t.string(),
  seq: t.u64(),
  chain: t.string(),
});
const upsertPresenceArgs = t.object('UpsertPresenceArgs', {
  session_id: t.string(),
  stream_id: t.string(),
  status: t.string(),
  detail: t.string(),
  ttl_seconds: t.u32(),
});
const sessionArgs = t.object('SessionArgs', { session_id: t.string() });
const streamArgs = t.object('StreamArgs', { stream_id: t.string() });
const signalProgressArgs = t.object('SignalProgressArgs', { stream_id: t.string(), payload: t.string() });
const publishCapabilityArgs = t.object('PublishCapabilityArgs', {
  capability: t.string(),
  detail: t.string(),
  ttl_seconds: t.u32(),
});
const openAssignmentArgs = t.object('OpenAssignmentArgs', {
  assignment_id: t.string(),
  provider: t.identity(),
  stream_id: t.string(),
  detail: t.string(),
});
const updateAssignmentArgs = t.object('UpdateAssignmentArgs', {
  assignment_id: t.string(),
  expected_version: t.u64(),
  status: t.string(),
  detail: t.string(),
});
const enqueueBridgeArgs = t.object('EnqueueBridgeArgs', {
  event_id: t.string(),
  transport: t.string(),
  payload: t.string(),
  payload_hash: t.string(),
});
const markBridgeSentArgs = t.object('MarkBridgeSentArgs', { event_id: t.string(), receipt: t.string() });
const refuseBridgeArgs = t.object('RefuseBridgeArgs', { event_id: t.string(), reason: t.string() });
const bindNostrKeyArgs = t.object('BindNostrKeyArgs', {
  identity: t.identity(),
  pubkey: t.string(),
  proof: t.string(),
});
const unbindNostrKeyArgs = t.object('UnbindNostrKeyArgs', { identity: t.identity(), pubkey: t.string() });
const applyRetentionArgs = t.object('ApplyRetentionArgs', { stream_id: t.string(), keep_from: t.u64() });

const identityHex = /^[0-9a-f]{64}$/;

function identityOf(hex: string): Identity {
  if (!identityHex.test(hex)) {
    throw new SyncError('invalid_request', `identity "${hex}" is not made of 64 lowercase hex digits.`);
  }
  return new Identity(hex);
}

/**
 * The reducers of the module `autopilot-sync`, by name and arguments. Identities are 64 lowercase hex digits,
 * times are microseconds since the Unix epoch.
 *
 * @throws {SyncError} `invalid_request` for an identity of another form.
 */
export const reducers = {
  configure: (issuer: string, audience: string): ReducerCall => ({
    reducer: 'configure',
    args: encode(configureArgs, { issuer, audience }),
  }),
  /** `epoch` '' lets the module make one. */
  createStream: (stream_id: string, stream_class: string, fanout: Fanout, epoch = ''): ReducerCall => ({
    reducer: 'create_stream',
    args: encode(createStreamArgs, { stream_id, stream_class, fanout, epoch }),
  }),
  grantStream: (identity: string, stream_id: string, role: GrantRole, expiresAt?: bigint): ReducerCall => ({
    reducer: 'grant_stream',
    args: encode(grantStreamArgs, {
      identity: identityOf(identity),
      stream_id,
      role,
      expires_at: expiresAt === undefined ? undefined : new Timestamp(expiresAt),
    }),
  }),
  revokeStream: (identity: string, stream_id: string): ReducerCall => ({
    reducer: 'revoke_stream',
    args: encode(revokeStreamArgs, { identity: identityOf(identity), stream_id }),
  }),
  appendSyncEvent: (draft: EventDraft, expectedNextSeq?: bigint): ReducerCall => ({
    reducer: 'append_sync_event',
    args: encode(appendSyncEventArgs, {
      stream_id: draft.stream_id,
      kind: draft.kind,
      payload: draft.payload,
      payload_hash: draft.payload_hash,
      idempotency_key: draft.idempotency_key,
      expected_next_seq: expectedNextSeq,
    }),
  }),
  ackCheckpoint: (client_id: string, stream_id: string, epoch: string, seq: bigint, chain: string): ReducerCall => ({
    reducer: 'ack_checkpoint',
    args: encode(ackCheckpointArgs, { client_id, stream_id, epoch, seq, chain }),
  }),
  upsertPresence: (presence: {
    session_id: string;
    stream_id: string;
    status: string;
    /** Canonical JSON. */
    detail: string;
    ttl_seconds: number;
  }): ReducerCall => ({ reducer: 'upsert_presence', args: encode(upsertPresenceArgs, presence) }),
  heartbeat: (session_id: string): ReducerCall => ({ reducer: 'heartbeat', args: encode(sessionArgs, { session_id }) }),
  clearPresence: (session_id: string): ReducerCall => ({
    reducer: 'clear_presence',
    args: encode(sessionArgs, { session_id }),
  }),
  signalProgress: (stream_id: string, payload: string): ReducerCall => ({
    reducer: 'signal_progress',
    args: encode(signalProgressArgs, { stream_id, payload }),
  }),
  publishProviderCapability: (capability: string, detail: string, ttl_seconds: number): ReducerCall => ({
    reducer: 'publish_provider_capability',
    args: encode(publishCapabilityArgs, { capability, detail, ttl_seconds }),
  }),
  openComputeAssignment: (assignment_id: string, provider: string, stream_id: string, detail: string): ReducerCall => ({
    reducer: 'open_compute_assignment',
    args: encode(openAssignmentArgs, { assignment_id, provider: identityOf(provider), stream_id, detail }),
  }),
  updateComputeAssignment: (
    assignment_id: string,
    expected_version: bigint,
    status: string,
    detail: string,
  ): ReducerCall => ({
    reducer: 'update_compute_assignment',
    args: encode(updateAssignmentArgs, { assignment_id, expected_version, status, detail }),
  }),
  enqueueBridgeEvent: (event_id: string, transport: string, payload: string, payload_hash: string): ReducerCall => ({
    reducer: 'enqueue_bridge_event',
    args: encode(enqueueBridgeArgs, { event_id, transport, payload, payload_hash }),
  }),
  markBridgeEventSent: (event_id: string, receipt: string): ReducerCall => ({
    reducer: 'mark_bridge_event_sent',
    args: encode(markBridgeSentArgs, { event_id, receipt }),
  }),
  refuseBridgeEvent: (event_id: string, reason: string): ReducerCall => ({
    reducer: 'refuse_bridge_event',
    args: encode(refuseBridgeArgs, { event_id, reason }),
  }),
  /** `pubkey` and `proof`, the id of the event by which the key agreed, are 64 lowercase hex digits. */
  bindNostrKey: (identity: string, pubkey: string, proof: string): ReducerCall => ({
    reducer: 'bind_nostr_key',
    args: encode(bindNostrKeyArgs, { identity: identityOf(identity), pubkey, proof }),
  }),
  unbindNostrKey: (identity: string, pubkey: string): ReducerCall => ({
    reducer: 'unbind_nostr_key',
    args: encode(unbindNostrKeyArgs, { identity: identityOf(identity), pubkey }),
  }),
  applyRetention: (stream_id: string, keep_from: bigint): ReducerCall => ({
    reducer: 'apply_retention',
    args: encode(applyRetentionArgs, { stream_id, keep_from }),
  }),
  retireStream: (stream_id: string): ReducerCall => ({
    reducer: 'retire_stream',
    args: encode(streamArgs, { stream_id }),
  }),
  unwatch: (stream_id: string): ReducerCall => ({ reducer: 'unwatch', args: encode(streamArgs, { stream_id }) }),
  renewWatches: (): ReducerCall => ({ reducer: 'renew_watches', args: new Uint8Array(0) }),
} as const;

/** The reducers that reading needs: they change what this connection hears, and nothing that anybody has stored. */
export const readingReducers: ReadonlySet<string> = new Set(['renew_watches', 'unwatch']);

/** The codecs of the arguments that test servers read. */
export const reducerArgCodecs = {
  appendSyncEvent: appendSyncEventArgs,
  ackCheckpoint: ackCheckpointArgs,
  stream: streamArgs,
} as const;
