import { existsSync } from 'node:fs';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** Where `pnpm --filter @autopilot/control build` puts the page. */
export const builtPage = path.join(import.meta.dirname, '..', '..', 'dist', 'console');

const notBuilt =
  'The console is not built yet. Build it with: pnpm --filter @autopilot/control build\n' +
  'Everything under /v1/cutover works without it.\n';

/** Sent with the page: scripts, styles and connections of this server only, in no frame, known to nobody else. */
const pageHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
};

/** GET /console: the built page, or how to build it. */
export function servePage(app: FastifyInstance, folder: string): void {
  if (!existsSync(path.join(folder, 'index.html'))) {
    for (const url of ['/console', '/console/']) {
      app.get(url, (_request, reply) => reply.code(503).type('text/plain; charset=utf-8').send(notBuilt));
    }
    return;
  }
  app.register(async (scope) => {
    scope.addHook('onRequest', async (_request, reply) => {
      reply.headers(pageHeaders);
    });
    await scope.register(fastifyStatic, {
      root: folder,
      prefix: '/console',
      redirect: true,
      cacheControl: false,
      dotfiles: 'deny',
    });
  });
}
