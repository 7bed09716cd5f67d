import type { CompatibilityWindow, HttpClient, Ports } from '@autopilot/sync-contract';
import type { Logger } from 'pino';
import type { BridgeConfig } from './bridge/bridge-config.ts';
import type { BridgeHost, BridgeHostOptions } from './bridge/bridge-host.ts';
import type { Client } from './config/clients-file.ts';
import type { ConsoleSettings } from './console/install-console.ts';
import type { CutoverSettings } from './cutover/create-cutover-service.ts';
import type { RateLimit } from './http/rate-limiter.ts';
import type { RotationPolicy } from './issuer/key-rotation.ts';
import type { OpenKhala } from './mirror/khala-target.ts';
import type { MirrorLimits } from './mirror/mirror-writer.ts';
import type { WriterLimits } from './projections/writer.ts';
import type { OpenGateway } from './spacetime/database-gateway.ts';
import type { ChallengeLimits } from './nostr/challenges.ts';
import type { Retention } from './store/housekeeping.ts';

/** What a control service is started with. The first part is the command line, the second what tests vary. */
export interface ControlOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly dataDir: string;
  /** The issuer URL, fixed for the life of the store. The database must be able to reach control by it. */
  readonly issuer: string;
  /** URI of the SpacetimeDB server, given to clients as it is. */
  readonly spacetime: string;
  readonly database: string;
  readonly clients: readonly Client[];
  /** `postgres://...`; SQLite in the data folder when missing. */
  readonly store?: string | undefined;
  /** A module bundle to publish first. */
  readonly bundle?: Uint8Array | undefined;
  /** `autopilot-sync` when missing. */
  readonly audience?: string | undefined;

  /** The lane to leave: what is accepted is written there too. Without it there is nothing to leave. */
  readonly khala?: { readonly url: string; readonly secret?: string | undefined } | undefined;

  /** A bridge to Nostr in a process of its own. Without it there is none. */
  readonly bridge?: BridgeConfig | undefined;

  readonly ports: Ports;
  readonly http: HttpClient;
  readonly logger: Logger;
  /** Ends the wait for the database. */
  readonly signal?: AbortSignal | undefined;
  readonly window?: CompatibilityWindow | undefined;
  /** Seconds; 600 when missing. */
  readonly tokenTtl?: number | undefined;
  readonly issueLimit?: RateLimit | undefined;
  /** Requests about Nostr keys of each client; 20 at once and 20 a minute when missing. */
  readonly nostrLimit?: RateLimit | undefined;
  readonly challenges?: Partial<ChallengeLimits> | undefined;
  readonly rotation?: RotationPolicy | undefined;
  readonly writer?: Partial<WriterLimits> | undefined;
  readonly retention?: Retention | undefined;
  /** Events that may wait for the database; 1,000,000 when missing. */
  readonly outboxCapacity?: number | undefined;
  /** Milliseconds to wait for the database at the start; 60,000 when missing. */
  readonly databasePatience?: number | undefined;
  readonly cutover?: CutoverSettings | undefined;
  readonly console?: ConsoleSettings | undefined;
  readonly mirror?: Partial<MirrorLimits> | undefined;
  /** Events that may wait for khala; 1,000,000 when missing. */
  readonly mirrorCapacity?: number | undefined;
  /** The lane of this build when missing. */
  readonly openKhala?: OpenKhala | undefined;
  /** Adds the metrics of the Node process. */
  readonly processMetrics?: boolean | undefined;
  /** What of the bridge and of its process is set otherwise than by default. */
  readonly bridgeSettings?: Pick<BridgeHostOptions, 'settings' | 'process'> | undefined;
  /** Its real process when missing. */
  readonly openBridge?: ((options: BridgeHostOptions) => BridgeHost) | undefined;
  /** The real one when missing. */
  readonly openGateway?: OpenGateway | undefined;
}
