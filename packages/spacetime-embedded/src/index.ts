export { identityOf } from './auth/identity.ts';
export type {
  Commit,
  EngineDatabase,
  ProcedureResult,
  ReducerResult,
  Row,
  TableChange,
  TableDefinition,
} from './engine/database.ts';
export { ClientRejected } from './engine/database.ts';
export { EngineError, type EngineErrorCode, engineErrors } from './engine/errors.ts';
export type { ModuleHttpClient, ModuleHttpRequest, ModuleHttpResponse } from './engine/http-codec.ts';
export { openDatabase } from './engine/open-database.ts';
export type { OpenDatabaseOptions } from './engine/open-database-options.ts';
export { HostError, type HostErrorCode, hostErrors } from './errors.ts';
export { type FaultSettings, Faults } from './faults.ts';
export type { Limits } from './limits.ts';
export type { ListenAddress } from './listen-address.ts';
export { type EmbeddedHost, type StartEmbeddedOptions, startEmbedded } from './start-embedded.ts';
