export type { CallOptions } from './calls/call-queue.ts';
export { type Aftermath, type Close, type CloseCode, closeReasons } from './close-reasons.ts';
export type { Counters } from './counters.ts';
export { createSession } from './create-session.ts';
export { SessionError, type SessionErrorCode, sessionErrors } from './errors.ts';
export type { NetworkHint, StateReason } from './lifecycle.ts';
export { type Fanout, type GrantRole, type ReducerCall, reducers } from './module/reducers.ts';
export { moduleSchemaDigest } from './module/schema-digest.ts';
export {
  type Assignment,
  type Capability,
  decodeAssignment,
  decodeCapability,
  decodeGrant,
  decodeMyNostrKey,
  decodeNostrKey,
  decodePendingBridgeEvent,
  decodePresence,
  decodePresentNostrKey,
  type Grant,
  type MyNostrKey,
  type NostrKey,
  type PendingBridgeEvent,
  type Presence,
  type PresentNostrKey,
  viewQueries,
} from './module/views.ts';
export { nodeSocketFactory } from './node-socket.ts';
export type { Compression, SessionOptions } from './options.ts';
export type {
  RowBatch,
  RowDecoder,
  Subscription,
  SubscriptionHandlers,
  TableChange,
} from './rows/subscription.ts';
export type { AppendReceipt, FollowOptions, GrantChange, ReadOptions, Session } from './session.ts';
export type { ConnectionStatus, SessionStatus, StreamStatus } from './status.ts';
export type { ReadMode } from './streams/record.ts';
export type { ReplayProgress } from './streams/replay.ts';
export type { SessionToken, TokenProvider, TokenReason } from './token-source.ts';
export { nextState, type SessionEvent, sessionEvents, transitions, transitionsAsMarkdown } from './transitions.ts';
export { type Protocol, protocols } from './wire/client-message.ts';
export type { RowList } from './wire/row-list.ts';
export type { RowReader } from './wire/row-reader.ts';
