import type { SocketRequest } from '@autopilot/sync-contract';
import type { Compression } from './options.ts';
import type { SessionToken } from './token-source.ts';
import { protocols } from './wire/client-message.ts';

/** The names that the host has for them. */
const compressionNames = { none: 'None', gzip: 'Gzip', brotli: 'Brotli' } as const satisfies Record<
  Compression,
  string
>;

/** The upgrade of a token: the bearer in a header, never in the URL, where logs would keep it. */
export function socketRequest(token: SessionToken, confirmed: boolean, compression: Compression): SocketRequest {
  const url = databaseUrl(token, 'subscribe');
  url.protocol = url.protocol === 'https:' || url.protocol === 'wss:' ? 'wss:' : 'ws:';
  // Always said: the server's default is Brotli, and frames over a local or tunnelled line gain nothing by it.
  url.searchParams.set('compression', compressionNames[compression]);
  url.searchParams.set('confirmed', String(confirmed));
  return { url: url.href, protocols, headers: bearer(token) };
}

/** Where a query can be sent by HTTP. */
export function sqlUrl(token: SessionToken): string {
  const url = databaseUrl(token, 'sql');
  url.protocol = url.protocol === 'https:' || url.protocol === 'wss:' ? 'https:' : 'http:';
  return url.href;
}

/** The header that carries the token. */
export function bearer(token: SessionToken): Record<string, string> {
  return { authorization: `Bearer ${token.token}` };
}

function databaseUrl(token: SessionToken, route: string): URL {
  const url = new URL(token.uri);
  const base = url.pathname.replace(/\/+$/, '');
  url.pathname = `${base}/v1/database/${encodeURIComponent(token.database)}/${route}`;
  url.search = '';
  url.hash = '';
  return url;
}
