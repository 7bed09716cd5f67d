import { compatibilityWindow } from './compatibility-window.ts';
import type { ClientRegistry } from './config/client-registry.ts';
import { createPageCaller } from './console/page-caller.ts';
import { createConsoleSessions } from './console/sessions.ts';
import { openCutoverService } from './cutover/create-cutover-service.ts';
import { createRecentChains } from './cutover/recent-chains.ts';
import { createAuthenticate } from './http/authenticate.ts';
import type { Context } from './http/context.ts';
import { createRateLimiter } from './http/rate-limiter.ts';
import type { KeyRing } from './issuer/key-ring.ts';
import { createMint } from './issuer/mint.ts';
import { createVerify } from './issuer/verify.ts';
import { createMetrics } from './metrics/registry.ts';
import type { ControlOptions } from './options.ts';
import { createMirror } from './mirror/create-mirror.ts';
import type { KhalaTarget } from './mirror/khala-target.ts';
import { createChallenges, defaultChallengeLimits } from './nostr/challenges.ts';
import { createAccept } from './projections/accept.ts';
import { createDeadLetters } from './projections/dead-letters.ts';
import { createOutbox } from './projections/outbox.ts';
import { createProjectionWriter, defaultWriterLimits } from './projections/writer.ts';
import { createWriterObserver } from './projections/writer-observer.ts';
import type { DatabaseAdmin } from './spacetime/database-admin.ts';
import { openSpacetimeGateway } from './spacetime/open-gateway.ts';
import { createStreamDirectory } from './spacetime/stream-directory.ts';
import { timedSink } from './spacetime/timed-sink.ts';
import type { Audit } from './store/audit.ts';
import type { Store } from './store/open-store.ts';
import { serviceSubjects, writerScopes } from './subjects.ts';

/** What is open already when the rest is put together. */
export interface Foundation {
  readonly options: ControlOptions;
  readonly store: Store;
  readonly keys: KeyRing;
  readonly audit: Audit;
  readonly clients: ClientRegistry;
  readonly khala: KhalaTarget | undefined;
}

/** An owner's token is used at once, for one HTTP request; seconds. */
const ownerTtl = 60;

/** How long one call to the database may take, milliseconds. */
const callTimeout = 30_000;

/** Wrong credentials that one address may send before it has to wait. */
const failureLimit = { burst: 20, perMinute: 20 };

/** Puts the parts of the service together. Starts nothing. */
export async function createContext(
  foundation: Foundation,
): Promise<{ readonly context: Context; readonly admin: DatabaseAdmin }> {
  const { options, store, keys, audit, clients } = foundation;
  const { issuer, ports, http, spacetime: uri, database, logger } = options;
  const { clock, random, scheduler } = ports;
  const audience = options.audience ?? 'autopilot-sync';
  const tokenTtl = options.tokenTtl ?? 600;
  const metrics = createMetrics(options.processMetrics ?? false);
  const mint = createMint({ issuer, audience, keys, clock, random });
  const gateway = (options.openGateway ?? openSpacetimeGateway)({
    uri,
    database,
    ports,
    http,
    ownerToken: async () =>
      (await mint({ subject: serviceSubjects.owner, scopes: ['sync.admin'], ttl: ownerTtl })).token,
    writerToken: () => mint({ subject: serviceSubjects.writer, scopes: writerScopes, ttl: tokenTtl }),
  });
  const sink = timedSink(gateway.sink, scheduler, callTimeout);
  let live = sink.status.state === 'live';
  sink.listen(({ state, last_error }) => {
    if (state === 'live' && !live) metrics.count('cutover_session_connections_total', {});
    live = state === 'live';
    logger.info({ state, last_error }, 'database connection');
  });
  const chains = createRecentChains();
  const outbox = createOutbox(store, clock, chains);
  const directory = createStreamDirectory(sink, clients, outbox.epochFor);
  const writer = createProjectionWriter({
    outbox,
    sink,
    directory,
    ports,
    limits: { ...defaultWriterLimits, ...options.writer },
    observer: createWriterObserver(metrics, audit, logger),
  });
  const mirror = createMirror({
    store,
    target: foundation.khala,
    ports,
    metrics,
    logger,
    limits: options.mirror,
    capacity: options.mirrorCapacity,
  });
  const service = await openCutoverService({
    settings: options.cutover ?? {},
    issuer,
    store,
    ports,
    mirror,
    probe: gateway.probe,
    chains,
    metrics,
    logger,
  });
  const verify = createVerify({ issuer, audience, keys, clock });
  const sessions = createConsoleSessions(store, clock, random);
  const page = createPageCaller(sessions, clients);
  const context: Context = {
    issuer,
    audience,
    uri,
    database,
    tokenTtl,
    window: options.window ?? compatibilityWindow,
    clock,
    store,
    clients,
    keys,
    mint,
    authenticate: createAuthenticate(clients, verify, createRateLimiter(clock, failureLimit), page),
    sessions,
    issueLimit: createRateLimiter(clock, options.issueLimit ?? { burst: 60, perMinute: 120 }),
    nostrLimit: createRateLimiter(clock, options.nostrLimit ?? { burst: 20, perMinute: 20 }),
    challenges: createChallenges(store, clock, random, { ...defaultChallengeLimits, ...options.challenges }),
    audit,
    accept: createAccept({
      store,
      clock,
      random,
      capacity: options.outboxCapacity ?? 1_000_000,
      mirror: mirror.intake,
    }),
    mirror,
    service,
    outbox,
    deadLetters: createDeadLetters(store),
    writer,
    sink,
    directory,
    metrics,
    bridge: undefined,
  };
  return { context, admin: gateway.admin };
}
