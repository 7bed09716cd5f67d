import type { Clock, CompatibilityWindow } from '@autopilot/sync-contract';
import type { BridgeHost } from '../bridge/bridge-host.ts';
import type { ClientRegistry } from '../config/client-registry.ts';
import type { ConsoleSessions } from '../console/sessions.ts';
import type { CutoverService } from '../cutover/create-cutover-service.ts';
import type { KeyRing } from '../issuer/key-ring.ts';
import type { Mint } from '../issuer/mint.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Mirror } from '../mirror/create-mirror.ts';
import type { Challenges } from '../nostr/challenges.ts';
import type { Accept } from '../projections/accept.ts';
import type { DeadLetters } from '../projections/dead-letters.ts';
import type { Outbox } from '../projections/outbox.ts';
import type { ProjectionWriter } from '../projections/writer.ts';
import type { EventSink } from '../spacetime/event-sink.ts';
import type { StreamDirectory } from '../spacetime/stream-directory.ts';
import type { Audit } from '../store/audit.ts';
import type { Store } from '../store/open-store.ts';
import type { Authenticate } from './authenticate.ts';
import type { RateLimiter } from './rate-limiter.ts';

/** Everything that the routes work with. */
export interface Context {
  readonly issuer: string;
  readonly audience: string;
  /** Where clients find the database. */
  readonly uri: string;
  readonly database: string;
  /** Seconds that a client's token lives. */
  readonly tokenTtl: number;
  readonly window: CompatibilityWindow;
  readonly clock: Clock;
  readonly store: Store;
  readonly clients: ClientRegistry;
  readonly keys: KeyRing;
  readonly mint: Mint;
  readonly authenticate: Authenticate;
  readonly sessions: ConsoleSessions;
  readonly issueLimit: RateLimiter;
  /** Requests about Nostr keys, by client. */
  readonly nostrLimit: RateLimiter;
  readonly challenges: Challenges;
  readonly audit: Audit;
  readonly accept: Accept;
  readonly mirror: Mirror;
  readonly service: CutoverService;
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  readonly writer: ProjectionWriter;
  readonly sink: EventSink;
  readonly directory: StreamDirectory;
  readonly metrics: Metrics;
  /** The bridge to Nostr; undefined where there is none, and until it is started. */
  bridge: BridgeHost | undefined;
}
