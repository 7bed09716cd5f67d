export {
  type CursorMigration,
  type CursorMigrationInput,
  migrateCursor,
  type StreamMigration,
  type UnknownReason,
  type WorkerKnowledge,
} from './cursor/migrate-cursor.ts';
export { decodeLegacyState, type LegacyStateError, type LegacySyncState } from './cursor/persisted-state.ts';
export { KhalaError, type KhalaErrorCode, khalaErrors } from './errors.ts';
export {
  createKhalaPublisher,
  type KhalaDraft,
  type KhalaPlace,
  type KhalaPublisher,
  type KhalaPublisherOptions,
  type KhalaReceipt,
} from './http/publisher.ts';
export { type KhalaCloseCode, khalaCloseReasons } from './lane/close-reasons.ts';
export { createKhalaLane, type KhalaFacts, type KhalaLane, type KhalaStreamFacts } from './lane/khala-lane.ts';
export type { KhalaStateReason } from './lane/lifecycle.ts';
export type {
  KhalaCursorStore,
  KhalaLaneOptions,
  KhalaToken,
  KhalaTokenProvider,
  KhalaTokenReason,
} from './lane/options.ts';
export type { KhalaStats } from './lane/stats.ts';
export {
  type KhalaEvent,
  khalaEvents,
  khalaTransitions,
  khalaTransitionsAsMarkdown,
  nextKhalaState,
} from './lane/transitions.ts';
export { isUnknownChain, unknownChain } from './lane/unknown-chain.ts';
export {
  decodeFanoutMessage,
  decodePollResponse,
  type FanoutFrame,
  type FanoutMessage,
  type FanoutStale,
  type PollResponse,
} from './readers/decode-fanout.ts';
export {
  createKhalaReader,
  type KhalaReader,
  type KhalaReaderOptions,
  type KhalaReaderSignal,
} from './readers/reader.ts';
export { type KhalaFrameError, type KhalaFrameErrorCode, khalaFrameErrorCodes } from './wire/decode-error.ts';
export { decodeKhalaFrame } from './wire/decode-frame.ts';
export type { Channel, KhalaFrame, KhalaReply, KhalaServerError } from './wire/frame.ts';
export { nativeEpoch, workerEventsTopic } from './wire/worker-event.ts';
