import type { FastifyInstance } from 'fastify';
import type { Context } from './context.ts';

/**
 * The documents by which SpacetimeDB finds the keys. `issuer` is compared with the `iss` of tokens letter by letter; the
 * path of the JWKS is the issuer's own, so that a proxy in front of control may change host and port.
 */
export function installDiscoveryRoutes(app: FastifyInstance, { issuer, keys }: Context): void {
  app.get('/.well-known/openid-configuration', async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=300');
    return {
      issuer,
      jwks_uri: `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`,
      id_token_signing_alg_values_supported: ['ES256'],
      response_types_supported: ['token'],
      subject_types_supported: ['public'],
    };
  });
  app.get('/.well-known/jwks.json', async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=300');
    return keys.jwks;
  });
}
