export type { Announcement } from './announce/announcement.ts';
export { type Kept, KeptStore } from './announce/kept-store.ts';
export { type RelayList, readRelayList, relayListTemplate } from './announce/relay-list.ts';
export { Bridge, type Publishing } from './bridge/bridge.ts';
export type { BridgeParts } from './bridge/bridge-parts.ts';
export type { BridgeSettings, ProviderSettings } from './bridge/bridge-settings.ts';
export { type BridgeStatus, type StoredStatus, storedStatus } from './bridge/bridge-status.ts';
export { BridgeError, type BridgeErrorCode, bridgeErrors } from './errors.ts';
export type { EventTemplate, NostrEvent, UnsignedEvent } from './event/event.ts';
export { eventId } from './event/event-id.ts';
export { type ParsedEvent, parseEvent } from './event/parse-event.ts';
export { loadSigner, type Signer, secretKeySigner } from './event/signer.ts';
export { verifyEvent } from './event/verify-event.ts';
export { type Refusal, refusals } from './inbound/checks.ts';
export { type Following, follow } from './inbound/follow.ts';
export {
  defaultInboundSettings,
  Inbound,
  type InboundCounters,
  type InboundParts,
  type InboundSettings,
} from './inbound/inbound.ts';
export { nodeVerifyWorkers } from './inbound/node-verify-workers.ts';
export { type Seen, SeenSet } from './inbound/seen-set.ts';
export type { Verifier, VerifyOne } from './inbound/verifier.ts';
export { loadWasmVerify } from './inbound/wasm-verify.ts';
export {
  type SpawnVerifyWorker,
  type VerifyWorker,
  WorkerVerifier,
  type WorkerVerifierParts,
} from './inbound/worker-verifier.ts';
export { type Cipher, secretKeyCipher } from './jobs/job-cipher.ts';
export { JobCustomer, type JobCustomerParts } from './jobs/job-customer.ts';
export { JobProvider, type JobProviderParts, type JobWork } from './jobs/job-provider.ts';
export {
  type JobInput,
  type JobState,
  jobInputs,
  jobStates,
  jobTransitions,
  openJobStates,
} from './jobs/job-states.ts';
export { type Job, type JobMove, type JobRole, JobStore } from './jobs/job-store.ts';
export type { JobAmount, JobInputData, JobRequest } from './jobs/job-tags.ts';
export { nip90 } from './jobs/nip90.ts';
export { type Quote, QuoteStore } from './jobs/quote-store.ts';
export {
  Deliveries,
  type DeliveryCounters,
  type DeliverySettings,
  defaultDeliverySettings,
  type PublishTarget,
  type StandingListener,
} from './outbox/deliveries.ts';
export {
  type DeliveryInput,
  type DeliveryState,
  deliveryInputs,
  deliveryStates,
  deliveryTransitions,
} from './outbox/delivery-states.ts';
export { emptyJournal, type Journal, type JournalPage, type MirrorPolicy, mirrorNothing } from './outbox/journal.ts';
export { Mirror, type MirrorCounters, type MirrorParts } from './outbox/mirror.ts';
export { Outbox, type OutboxParts, type Outgoing } from './outbox/outbox.ts';
export {
  type Claimed,
  type DeliveryMove,
  type DeliveryRow,
  type DueNow,
  type Enqueued,
  type Moved,
  OutboxStore,
} from './outbox/outbox-store.ts';
export { type DeliveryAt, judgeQuorum, type QuorumPolicy, type Standing } from './outbox/quorum.ts';
export type { BreakerState } from './relay/breaker.ts';
export { nodePublicSockets, nodeRelaySockets } from './relay/node-socket.ts';
export { Relay, type RelayHost, type RelayStatus } from './relay/relay.ts';
export type { RelayCounters } from './relay/relay-counters.ts';
export type { LossReason } from './relay/relay-link.ts';
export { defaultRelaySettings, type RelayEnvironment, type RelaySettings } from './relay/relay-options.ts';
export { type RelayInput, type RelayState, relayInputs, relayStates, relayTransitions } from './relay/relay-states.ts';
export type { Filter, RelaySubscription } from './relay/relay-subscriptions.ts';
export { type Prefix, prefixes, type RejectReason, type RetryReason, type Verdict } from './relay/verdict.ts';
export { type BridgeFile, type BridgeFileOptions, openBridgeFile } from './store/bridge-file.ts';
export {
  BridgeProcess,
  type BridgeProcessParts,
  type BridgeProcessStatus,
  type BridgeWorker,
  type SpawnBridge,
} from './process/bridge-process.ts';
export type { DeskCounters } from './process/journal-desk.ts';
export type { BridgeCommand, FromBridge, JournalQuestion, ProcessMemory, ToBridge } from './process/messages.ts';
export { nodeBridgeOwner } from './process/node-bridge-owner.ts';
export { type NodeBridgeOptions, nodeBridgeProcess } from './process/node-bridge-process.ts';
export { type OwnerPort, type ServingParts, serveBridge } from './process/serve-bridge.ts';
export { defaultProcessSettings, type ProcessSettings } from './process/process-settings.ts';
export {
  type ProcessInput,
  type ProcessState,
  processInputs,
  processStates,
  processTransitions,
} from './process/process-states.ts';
export type { VisitRules } from './visits/visit-rules.ts';
export { defaultVisitSettings, type VisitSettings } from './visits/visit-settings.ts';
