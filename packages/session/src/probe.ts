import { decodeWireError, type HttpClient, type HttpResponse } from '@autopilot/sync-contract';
import { type Close, closeOfRejection, closeOfStatus } from './close-reasons.ts';
import { bearer, sqlUrl } from './endpoint.ts';
import type { Environment } from './environment.ts';
import { retryAfterMs } from './retry-after.ts';
import type { SessionToken } from './token-source.ts';

/**
 * A connection that ended between the upgrade and InitialConnection was either cut, or refused by the module's
 * client_connected, and the websocket does not tell which. The same refusal is told over HTTP, so ask there.
 *
 * @param done as a turn: why the connection was refused; undefined when it was not.
 * @returns how to give up.
 */
export function probe(
  env: Environment,
  http: HttpClient,
  token: SessionToken,
  timeoutMs: number,
  done: (refusal: Close | undefined) => void,
): () => void {
  const abort = new AbortController();
  let over = false;
  const end = (refusal: Close | undefined) => {
    if (over) return;
    over = true;
    cancel();
    done(refusal);
  };
  const cancel = env.after(timeoutMs, () => {
    end(undefined);
    abort.abort();
  });
  // An event table: the answer is empty whatever the database holds. Where there is no such table that is refused, after
  // the module was asked for the connection.
  const body = 'SELECT * FROM live_inbox';
  env.turns.tell(() => {
    http({ method: 'POST', url: sqlUrl(token), headers: bearer(token), body, signal: abort.signal }).then(
      (response) => env.turns.run(() => end(refusalOf(response))),
      () => env.turns.run(() => end(undefined)),
    );
  });
  return () => {
    over = true;
    cancel();
    abort.abort();
  };
}

/** By status first; only the text of a 403 is the module's, and it is read as a wire error. */
function refusalOf(response: HttpResponse): Close | undefined {
  if (response.status === 403) return closeOfRejection(decodeWireError(response.body));
  if (response.status === 401) return { code: 'unauthorized', message: 'The server refuses the token (401).' };
  if (response.status === 404) return { code: 'database_not_found', message: 'There is no such database (404).' };
  if (response.status === 429 || response.status >= 500) {
    const wait = retryAfterMs(response.headers['retry-after'], response.headers.date);
    return closeOfStatus(response.status, '', wait);
  }
  return undefined;
}
