export { CheckpointError, type CheckpointErrorCode, checkpointErrors } from './errors.ts';
export { type CheckpointOptions, openCheckpointStore } from './open.ts';
export type {
  BackupReport,
  CheckpointStore,
  Commit,
  ConflictRecord,
  Effect,
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
