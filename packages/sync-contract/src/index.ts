export { type BackoffPolicy, backoffDelay, isBackoffPolicy } from './backoff.ts';
export { type CanonicalJson, canonicalJson, deepestNesting, parseCanonicalJson } from './canonical-json.ts';
export { type ChainHash, type ChainLink, extendChain, genesisChain } from './chain.ts';
export {
  type CompatibilityOutcome,
  type CompatibilityRefusal,
  type CompatibilityRequest,
  type CompatibilityWindow,
  isBuildId,
  negotiate,
} from './compatibility.ts';
export {
  type ComputeDetail,
  type ComputeInput,
  type ComputeRequest,
  computeCapability,
  kindOfCapability,
  readComputeDetail,
  writeComputeDetail,
} from './compute-detail.ts';
export type { Contiguity } from './contiguity.ts';
export {
  CodedError,
  type CodedErrorOptions,
  decodeWireError,
  type ErrorSpec,
  encodeWireError,
  isCodedError,
  isSyncErrorCode,
  type Recovery,
  SyncError,
  type SyncErrorCode,
  syncErrors,
} from './errors.ts';
export type { JsonObject, JsonValue } from './json.ts';
export { type Lane, type LaneId, type LaneSignal, type LaneState, laneIds, laneStates } from './lane.ts';
export { canonicalPayloadHash, isPayloadHash, type PayloadHash, payloadHash } from './payload-hash.ts';
export type {
  Cancel,
  Clock,
  HttpClient,
  HttpRequest,
  HttpResponse,
  Ports,
  Random,
  Scheduler,
  Socket,
  SocketFactory,
  SocketHandlers,
  SocketRequest,
} from './ports.ts';
export { type StaleCheck, type StaleReason, staleReason, staleReasons } from './stale.ts';
export { streamIdForTopic, topicForStreamId } from './stream-id.ts';
export {
  draftEvent,
  type EventDraft,
  hasTruePayloadHash,
  payloadOf,
  type StreamPosition,
  type SyncEvent,
} from './sync-event.ts';
