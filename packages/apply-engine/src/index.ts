export { type Alarm, alarmOf, alarmOfBlock } from './alarm.ts';
export {
  applyBatch,
  type BatchGap,
  type BatchOptions,
  type BatchResult,
  defaultReorderLimit,
} from './apply-batch.ts';
export { compareHead, type Head, type HeadComparison } from './compare-head.ts';
export type { Conflict } from './conflict.ts';
export { type Decision, decide, highestSeq } from './decide.ts';
export { type ConflictReason, decisionTable, type EventClass, type Outcome } from './decision-table.ts';
export { ApplyError, type ApplyErrorCode, applyErrors } from './errors.ts';
export { type ReduceOptions, type Reducer, reduceEvents } from './reduce.ts';
export type { ReorderBuffer } from './reorder-buffer.ts';
export {
  type BlockReason,
  defaultResetLimits,
  type Floor,
  noResets,
  type ResetHistory,
  type ResetLimits,
  type ResetResult,
  resetToFloor,
} from './reset.ts';
export {
  type AppliedLookup,
  initialState,
  noEpoch,
  positionOf,
  type StreamState,
} from './stream-state.ts';
