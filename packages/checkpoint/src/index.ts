export { type CompactionOptions, type CompactionReport, compact } from './compact.ts';
export { CheckpointError, type CheckpointErrorCode, checkpointErrors } from './errors.ts';
export { type CheckpointOptions, openCheckpointStore } from './open.ts';
export { openingTable, type FileClass } from './opening-table.ts';
export type {
  AuditLimits,
  AuditOverflow,
  BackupReport,
  CheckpointStore,
  Commit,
  ConflictRecord,
  Effect,
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
