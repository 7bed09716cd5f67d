import type { Ports } from '@autopilot/sync-contract';
import type { StateImage } from './commit-log.ts';
import type { ModuleHttpClient } from './http-codec.ts';

/** What a database is opened with. */
export interface OpenDatabaseOptions {
  /** The module: bytes of an ESM bundle that imports nothing but `spacetime:sys@2.0` and `spacetime:sys@2.1`. */
  readonly module: Uint8Array;
  /** Identity of the publisher, 64 hex digits. */
  readonly owner: string;
  /** Identity of the database, 64 hex digits. */
  readonly databaseIdentity: string;
  /** Where the commit log lives; undefined keeps everything in memory. */
  readonly dataDir: string | undefined;
  readonly ports: Ports;
  /** Rows to begin with, in memory alone: what {@link EngineDatabase.image} gave. */
  readonly initial?: StateImage | undefined;
  /** Answers what modules ask elsewhere. Without it every request fails with HttpError. */
  readonly moduleHttp?: ModuleHttpClient | undefined;
  readonly durability?: {
    /** Milliseconds that a commit may wait for others before it is fsynced. Default 10. */
    readonly syncDelayMs?: number;
    /** Log bytes after which the whole state is written down, so that a start reads no more. Default 32 MiB. */
    readonly snapshotAfterBytes?: number;
    /**
     * Goes on with what stands before a damaged place of the log, which is otherwise refused as `log_corrupt`; the rest is
     * set aside in files beside it. Commits that had been confirmed are gone then.
     */
    readonly salvage?: boolean;
  };
  readonly fidelity?: {
    /** Gives scans whose order is unspecified in a random order, to catch code that relies on it. */
    readonly shuffleScans?: boolean;
    /** Loads the module into a new realm after this many calls, to catch state kept in module globals. */
    readonly freshRealmPerCalls?: number;
  };
}
