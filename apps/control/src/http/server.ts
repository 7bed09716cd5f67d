import type { Scheduler } from '@autopilot/sync-contract';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { type ConsoleSettings, installConsole } from '../console/install-console.ts';
import { ControlError } from '../errors.ts';
import { projectionLimits } from '../projections/projection-request.ts';
import { installBridgeRoutes } from './bridge-routes.ts';
import { installCompatRoutes } from './compat-routes.ts';
import type { Context } from './context.ts';
import { installBundleRoutes } from './cutover/bundle-routes.ts';
import { installCommandRoutes } from './cutover/command-routes.ts';
import { installEvidenceRoutes } from './cutover/evidence-routes.ts';
import { installReportRoutes } from './cutover/report-routes.ts';
import { installUnitRoutes } from './cutover/unit-routes.ts';
import { installDeadLetterRoutes } from './dead-letter-routes.ts';
import { installDiscoveryRoutes } from './discovery-routes.ts';
import { installErrorReplies } from './error-replies.ts';
import { installOperationRoutes } from './operation-routes.ts';
import { installNostrRoutes } from './nostr-routes.ts';
import { installProjectionRoutes } from './projection-routes.ts';
import { installStatusRoutes } from './status-routes.ts';
import { installTokenRoutes } from './token-routes.ts';

/** The HTTP application with all routes, not listening yet. */
export function createServer(
  context: Context,
  logger: Logger,
  scheduler: Scheduler,
  console: ConsoleSettings | undefined,
): FastifyInstance {
  const app = Fastify({
    loggerInstance: logger.child(
      {},
      {
        serializers: {
          // Never headers, and never a query, where somebody may have put a token.
          req: (request: { method: string; url: string }) => ({
            method: request.method,
            path: request.url.split('?')[0],
          }),
        },
      },
    ),
    bodyLimit: projectionLimits.bodyBytes,
    requestTimeout: 30_000,
  }) as unknown as FastifyInstance;
  // JSON is the only language here.
  app.removeContentTypeParser('text/plain');
  installErrorReplies(app);
  installDiscoveryRoutes(app, context);
  installCompatRoutes(app, context);
  installTokenRoutes(app, context);
  installProjectionRoutes(app, context);
  installStatusRoutes(app, context);
  installDeadLetterRoutes(app, context);
  installNostrRoutes(app, context);
  installUnitRoutes(app, context);
  installCommandRoutes(app, context);
  installEvidenceRoutes(app, context);
  installBundleRoutes(app, context);
  installReportRoutes(app, context);
  installBridgeRoutes(app, context);
  installOperationRoutes(app, context);
  installConsole(app, context, scheduler, console);
  return app;
}

/** Connections that may wait to be accepted: a fleet whose control was away comes back at one moment. */
const backlog = 4_096;

/**
 * Begins to listen and returns the address as an http URL.
 *
 * @throws {ControlError} `port_in_use`, or `listen_failed`.
 */
export async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port, backlog });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new ControlError('port_in_use', `Port ${port} of ${host} is taken by another program.`, { cause });
    }
    throw new ControlError('listen_failed', `Control cannot listen on ${host}:${port} (${code}).`, { cause });
  }
}
