import { type IncomingMessage, validateHeaderName, validateHeaderValue } from 'node:http';
import type { HttpHeader } from '../engine/http-codec.ts';
import type { ApiContext } from './api.ts';
import { databaseNamed } from './lifecycle.ts';
import { type Reply, readBody, text } from './reply.ts';

/** The largest body for a handler of a module, in bytes. */
const largestBody = 32 * 1024 * 1024;

/**
 * ANY /v1/database/:name/route[/...]: the module answers. There is no authentication of any kind.
 *
 * @param path what follows `/route`: empty, or it begins with a slash.
 */
export async function moduleRoute(
  context: ApiContext,
  incoming: IncomingMessage,
  name: string,
  path: string,
): Promise<Reply> {
  const { engine } = databaseNamed(context, name);
  const { method = 'GET' } = incoming;
  const route = engine.definition.routes.find(
    (candidate) => candidate.path === path && (candidate.method === undefined || candidate.method === method),
  );
  if (route === undefined) return text(404, 'Database has not registered a handler for this route');
  const body = await readBody(incoming, largestBody);
  const headers = pairs(incoming.rawHeaders).map(([header, value]): HttpHeader => [header.toLowerCase(), value]);
  const result = engine.callHandler(route.handler, { method, headers, uri: externalUri(incoming) }, body);
  if (result.outcome === 'internal') return text(500, result.message);
  const { code, headers: answered } = result.response;
  if (!canBeSent(code, answered)) return text(500, 'The handler answered with what is no answer in HTTP.');
  const byName = Map.groupBy(answered, ([header]) => header.toLowerCase());
  return {
    status: code,
    body: result.body,
    headers: Object.fromEntries([...byName].map(([header, all]) => [header, all.map(([, value]) => value)])),
  };
}

function canBeSent(code: number, headers: readonly HttpHeader[]): boolean {
  if (code < 200 || code > 999) return false;
  try {
    for (const [name, value] of headers) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    return true;
  } catch {
    return false;
  }
}

/** The address that the client asked for, also when a proxy stands between. */
function externalUri({ headers, url = '/' }: IncomingMessage): string {
  const forwarded = (name: string) =>
    String(headers[name] ?? '')
      .split(',')[0]
      ?.trim();
  const scheme = forwarded('x-forwarded-proto') || 'http';
  return `${scheme}://${forwarded('x-forwarded-host') || headers.host}${url}`;
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, index) => [raw[index * 2] ?? '', raw[index * 2 + 1] ?? '']);
}
