import type { IncomingHttpHeaders } from 'node:http';

/** Sent by the page with each of its requests. Another site cannot add it without being allowed to, and is not. */
const pageHeader = 'x-autopilot-console';

/** Whether a request says that it is from the console's page. */
export function isFromPage(headers: IncomingHttpHeaders): boolean {
  return headers[pageHeader] !== undefined;
}

/** Why a request with a cookie is not from the page that control served; null when it is. */
export function foreignReason(method: string, headers: IncomingHttpHeaders): string | null {
  if (!isFromPage(headers)) return `The header ${pageHeader} is missing.`;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return 'It comes from another site.';
  const { origin } = headers;
  if (origin !== undefined) {
    const host = URL.parse(origin)?.host;
    return host !== undefined && host === headers.host?.toLowerCase() ? null : 'It comes from another origin.';
  }
  // A browser names the origin of whatever may change something.
  return method === 'GET' || method === 'HEAD' ? null : 'It names no origin.';
}

/** The cookie of this control. Cookies do not know ports: with the port in the name two controls get along. */
function cookieName({ host }: IncomingHttpHeaders): string {
  return `autopilot_console_${/:(\d+)$/.exec(host ?? '')?.[1] ?? 'default'}`;
}

/** What the cookie holds; undefined when there is none. */
export function readCookie(headers: IncomingHttpHeaders): string | undefined {
  const name = cookieName(headers);
  for (const part of headers.cookie?.split(';') ?? []) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name && value !== undefined && value !== '') return value;
  }
  return undefined;
}

/** A Set-Cookie for the session, or with an empty token for its end. Over https it never travels in the clear. */
export function sessionCookie(headers: IncomingHttpHeaders, token: string): string {
  const secure = headers.origin?.startsWith('https://') === true ? '; Secure' : '';
  const over = token === '' ? '; Max-Age=0' : '';
  return `${cookieName(headers)}=${token}; HttpOnly; SameSite=Strict; Path=/${secure}${over}`;
}
