import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Random, Scheduler } from '@autopilot/sync-contract';
import fastifyStatic from '@fastify/static';
import Fastify, { type FastifyInstance } from 'fastify';
import { DesktopError } from '../errors.ts';
import { type AccessGuard, createAccessGuard, refusals } from './access.ts';
import { attachLiveSocket } from './live-socket.ts';
import { securityHeaders } from './security-headers.ts';

/** The running server of the health page. */
export interface HealthServer {
  /** With the token; the page moves to a clean URL. */
  readonly url: string;
  readonly token: string;
  /** The state has changed. */
  poke(): void;
  close(): Promise<void>;
}

export interface HealthServerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly random: Random;
  readonly scheduler: Scheduler;
  /** The folder of the built page. */
  readonly uiDir: string;
  /** The present state as JSON. */
  readonly stateJson: () => string;
  /** Milliseconds between two pushes; 200 unless told otherwise. */
  readonly pushIntervalMs?: number;
}

const notBuilt =
  'The health page is not built yet. Build it with: pnpm --filter @autopilot/desktop build\n' +
  'GET /api/state works without it.\n';

/**
 * Serves the page, `GET /api/state` and the socket `/api/live` on a loopback address. Every request needs the token of
 * this start: `?token=` once (it becomes a cookie), the cookie, or `Authorization: Bearer`.
 *
 * @throws {DesktopError} `port_taken`, `listen_failed`.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const token = Buffer.from(options.random.bytes(32)).toString('base64url');
  const app = Fastify({ logger: false, forceCloseConnections: true });
  let guard: AccessGuard | undefined;
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders);
    const verdict = guard?.check({ headers: request.headers, url: request.url }, 'http') ?? { refused: 'unauthorized' };
    if ('refused' in verdict) {
      const { status, message } = refusals[verdict.refused];
      return reply.code(status).send({ error: { code: verdict.refused, message } });
    }
    if (verdict.admitted !== 'query') return;
    // The address bar, the history and the referrer must not keep the token.
    reply.header('set-cookie', `${guard?.cookieName}=${token}; HttpOnly; SameSite=Strict; Path=/`);
    return reply.redirect(withoutToken(request.url), 303);
  });
  app.get('/api/state', (_request, reply) => reply.type('application/json').send(options.stateJson()));
  await servePage(app, options.uiDir);
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: { code: 'not_found', message: 'There is nothing at this path.' } }),
  );
  app.setErrorHandler((_error, _request, reply) =>
    reply.code(500).send({ error: { code: 'internal', message: 'The desktop could not answer.' } }),
  );
  const port = await listen(app, options);
  guard = createAccessGuard(token, options.host, port);
  const live = attachLiveSocket({
    ...{ server: app.server, guard, scheduler: options.scheduler, path: '/api/live', text: options.stateJson },
    intervalMs: options.pushIntervalMs ?? 200,
  });
  return {
    url: `http://${options.host}:${port}/?token=${token}`,
    token,
    poke: () => live.poke(),
    async close() {
      live.close();
      await app.close();
    },
  };
}

async function servePage(app: FastifyInstance, uiDir: string): Promise<void> {
  if (!existsSync(path.join(uiDir, 'index.html'))) {
    app.get('/', (_request, reply) => reply.code(503).type('text/plain; charset=utf-8').send(notBuilt));
    return;
  }
  await app.register(fastifyStatic, { root: uiDir, cacheControl: false, dotfiles: 'deny' });
}

async function listen(app: FastifyInstance, { host, port }: HealthServerOptions): Promise<number> {
  try {
    await app.listen({ host: host.replace(/^\[|\]$/g, ''), port });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE') throw new DesktopError('port_taken', `Port ${port} of ${host} is taken.`, { cause });
    throw new DesktopError('listen_failed', `Cannot listen on ${host}:${port} (${code ?? 'unknown'}).`, { cause });
  }
  const address = app.server.address();
  if (typeof address !== 'object' || address === null) {
    throw new DesktopError('listen_failed', `Listening on ${host}:${port} gave no port.`);
  }
  return address.port;
}

function withoutToken(url: string): string {
  const [pathname = '/', query = ''] = url.split('?', 2);
  const rest = new URLSearchParams(query);
  rest.delete('token');
  // Two slashes at the start would make it an address of another host.
  const clean = `/${pathname.replace(/^\/+/, '')}`;
  return rest.size === 0 ? clean : `${clean}?${rest}`;
}
