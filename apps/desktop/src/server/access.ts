import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Why a request is refused; the key is the code in the answer. */
export const refusals = {
  forbidden_host: { status: 421, message: 'This Host header is not an address of this desktop.' },
  forbidden_origin: { status: 403, message: 'Requests of other origins are not answered.' },
  unauthorized: { status: 401, message: 'Open the health page with the URL that the desktop printed when it started.' },
} as const;

/** The code of a refusal. */
export type Refusal = keyof typeof refusals;

/** How a request proved that it may be answered. */
export type Admission = 'bearer' | 'cookie' | 'query';

/** What the guard reads of a request. */
export interface Knock {
  readonly headers: IncomingHttpHeaders;
  /** Path and query as sent. */
  readonly url: string;
}

/** Decides who may talk to the server. */
export interface AccessGuard {
  /** The cookie that carries the token. */
  readonly cookieName: string;
  check(request: Knock, kind: 'http' | 'socket'): { readonly admitted: Admission } | { readonly refused: Refusal };
}

/**
 * The rules, in this order: the Host header names this server (a rebound DNS name does not), the Origin header, where a
 * browser sends one, names it too (a socket opened with the cookie must have one), and the token is right.
 *
 * @param port The port that is listened on.
 */
export function createAccessGuard(token: string, listenHost: string, port: number): AccessGuard {
  const wanted = digest(token);
  const isToken = (given: string | null | undefined) =>
    given !== null && given !== undefined && timingSafeEqual(digest(given), wanted);
  const hosts = new Set([listenHost, '127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${port}`));
  // Cookies do not know ports: with the port in the name, two desktops on one machine do not overwrite each other's.
  const cookieName = `autopilot_desktop_${port}`;
  return {
    cookieName,
    check({ headers, url }, kind) {
      const host = headers.host?.toLowerCase();
      if (host === undefined || !hosts.has(host)) return { refused: 'forbidden_host' };
      if (headers.origin !== undefined && headers.origin !== `http://${host}`) return { refused: 'forbidden_origin' };
      const bearer = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
      if (isToken(bearer)) return { admitted: 'bearer' };
      if (isToken(readCookie(headers.cookie, cookieName))) {
        return kind === 'socket' && headers.origin === undefined
          ? { refused: 'forbidden_origin' }
          : { admitted: 'cookie' };
      }
      const query = kind === 'http' ? new URLSearchParams(url.split('?')[1] ?? '').get('token') : undefined;
      return isToken(query) ? { admitted: 'query' } : { refused: 'unauthorized' };
    },
  };
}

function digest(text: string): Buffer {
  // Equal lengths for the comparison, whatever was sent.
  return hash('sha256', text, 'buffer');
}

function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name) return value;
  }
  return undefined;
}
