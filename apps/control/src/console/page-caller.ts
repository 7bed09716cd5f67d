import type { ClientRegistry } from '../config/client-registry.ts';
import { ControlError } from '../errors.ts';
import type { PageCaller } from '../http/authenticate.ts';
import { foreignReason, isFromPage, readCookie } from './page-request.ts';
import type { ConsoleSessions } from './sessions.ts';

/**
 * Tells from the cookie who a request of the page is from. It may do what its client may of the cutover, and nothing
 * else: a page has no business with projections and tokens.
 */
export function createPageCaller(sessions: ConsoleSessions, clients: ClientRegistry): PageCaller {
  return async ({ method, headers }) => {
    if (headers.authorization !== undefined || !isFromPage(headers)) return undefined;
    const foreign = foreignReason(method, headers);
    if (foreign !== null) throw new ControlError('forbidden', `This is no request of the console: ${foreign}`);
    const token = readCookie(headers);
    const session = token === undefined ? undefined : await sessions.find(token);
    const client = session === undefined ? undefined : clients.byId(session.client_id);
    if (client === undefined) throw new ControlError('unauthorized', 'Nobody is signed in here, or no longer.');
    return { client, scopes: client.scopes.filter((scope) => scope.startsWith('cutover.')) };
  };
}
