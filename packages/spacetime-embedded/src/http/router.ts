import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isCodedError } from '@autopilot/sync-contract';
import type { ApiContext, ApiRequest } from './api.ts';
import { authenticate, identityHeaders } from './authenticate.ts';
import { call } from './call-route.ts';
import { databaseIdentity, databaseInfo, databaseLogs, databaseSchema, databaseTimestamp } from './database-routes.ts';
import {
  createIdentity,
  identityDatabases,
  ping,
  publicKey,
  verifyIdentity,
  websocketToken,
} from './identity-routes.ts';
import { moduleRoute } from './module-route.ts';
import { addName, databaseNames, setNames } from './name-routes.ts';
import { deleteDatabase, lock, prePublish, publish, publishUnnamed, reset, unlock } from './publish-routes.ts';
import { json, Refusal, type Reply, text } from './reply.ts';
import { sql } from './sql-route.ts';

// Beside the sources as beside what is built of them.
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

const routePattern = /^\/v1\/database\/([^/]+)\/route(\/.*)?$/;

type Handler = (context: ApiContext, request: ApiRequest) => Reply | Promise<Reply>;

const name = '([^/]+)';
const routes: readonly (readonly [method: string, pattern: RegExp, handler: Handler])[] = [
  ['GET', /^\/v1\/ping$/, ping],
  ['GET', /^\/v1\/health$/, health],
  ['POST', /^\/v1\/identity$/, createIdentity],
  ['GET', /^\/v1\/identity\/public-key$/, publicKey],
  ['POST', /^\/v1\/identity\/websocket-token$/, websocketToken],
  ['GET', new RegExp(`^/v1/identity/${name}/verify$`), verifyIdentity],
  ['GET', new RegExp(`^/v1/identity/${name}/databases$`), identityDatabases],
  ['GET', new RegExp(`^/v1/database/${name}$`), databaseInfo],
  ['PUT', new RegExp(`^/v1/database/${name}$`), publish],
  ['POST', /^\/v1\/database$/, publishUnnamed],
  ['DELETE', new RegExp(`^/v1/database/${name}$`), deleteDatabase],
  ['PUT', new RegExp(`^/v1/database/${name}/reset$`), reset],
  ['POST', new RegExp(`^/v1/database/${name}/pre_publish$`), prePublish],
  ['POST', new RegExp(`^/v1/database/${name}/lock$`), lock],
  ['POST', new RegExp(`^/v1/database/${name}/unlock$`), unlock],
  ['GET', new RegExp(`^/v1/database/${name}/identity$`), databaseIdentity],
  ['GET', new RegExp(`^/v1/database/${name}/names$`), databaseNames],
  ['POST', new RegExp(`^/v1/database/${name}/names$`), addName],
  ['PUT', new RegExp(`^/v1/database/${name}/names$`), setNames],
  ['GET', new RegExp(`^/v1/database/${name}/schema$`), databaseSchema],
  ['GET', new RegExp(`^/v1/database/${name}/logs$`), databaseLogs],
  ['GET', new RegExp(`^/v1/database/${name}/unstable/timestamp$`), databaseTimestamp],
  ['POST', new RegExp(`^/v1/database/${name}/call/${name}$`), call],
  ['POST', new RegExp(`^/v1/database/${name}/sql$`), sql],
  ['GET', new RegExp(`^/v1/database/${name}/subscribe$`), upgradeRequired],
];

const cors = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'authorization, accept, content-type',
  'access-control-allow-methods': 'GET, POST, PUT, DELETE',
  'access-control-expose-headers': 'spacetime-identity, spacetime-identity-token',
};

/** Answers one HTTP request. `report` gets what should not have happened; the client gets 500 without details. */
export async function answer(
  context: ApiContext,
  incoming: IncomingMessage,
  response: ServerResponse,
  report: (error: unknown) => void,
): Promise<void> {
  const {
    status,
    body = '',
    type,
    headers,
    follow,
  } = await reply(context, incoming).catch((error: unknown) => {
    if (error instanceof Refusal) return text(error.status, error.message);
    report(error);
    return isCodedError(error) ? text(503, error.message) : text(500, 'internal error');
  });
  response.writeHead(status, {
    ...cors,
    ...(type === undefined ? {} : { 'content-type': type === 'text/plain' ? 'text/plain; charset=utf-8' : type }),
    ...headers,
    ...(status === 204 || follow ? {} : { 'content-length': Buffer.byteLength(body) }),
    // What is left of a body that was not read would be taken for the next request.
    ...(incoming.complete ? {} : { connection: 'close' }),
  });
  if (follow === undefined) {
    response.end(body);
    return;
  }
  response.write(body);
  response.flushHeaders();
  const stop = follow(
    (more) => response.write(more),
    () => response.end(),
  );
  response.once('close', stop);
}

/** The URL of a request; undefined when it cannot be read. */
export function urlOf(incoming: IncomingMessage): URL | undefined {
  return URL.parse(incoming.url ?? '/', 'http://host') ?? undefined;
}

async function reply(context: ApiContext, incoming: IncomingMessage): Promise<Reply> {
  const { method } = incoming;
  const url = urlOf(incoming);
  if (url === undefined) return text(400, 'The URL cannot be read.');
  if (method === 'OPTIONS') return { status: 200 };
  const [, database, path] = routePattern.exec(url.pathname) ?? [];
  if (database !== undefined) return await moduleRoute(context, incoming, decoded(database), path ?? '');
  const matches = routes.flatMap(([verb, pattern, handler]) => {
    const found = pattern.exec(url.pathname);
    return found === null ? [] : [{ verb, handler, params: found.slice(1).map(decoded) }];
  });
  const match = matches.find(({ verb }) => verb === method);
  if (match !== undefined) {
    const run = async () => await match.handler(context, { incoming, url, params: match.params });
    return url.pathname.startsWith('/v1/database') ? await asCaller(context, incoming, url, run) : await run();
  }
  return matches.length > 0 ? text(405, `${method} is not served here.`) : text(404, 'There is no such route.');
}

/** What is answered on a database tells the caller who it is, refusals included. */
async function asCaller(
  { tokens }: ApiContext,
  incoming: IncomingMessage,
  url: URL,
  run: () => Promise<Reply>,
): Promise<Reply> {
  const caller = identityHeaders(await authenticate(tokens, incoming, url));
  try {
    const answered = await run();
    return { ...answered, headers: { ...caller, ...answered.headers } };
  } catch (error) {
    if (error instanceof Refusal) return { ...text(error.status, error.message), headers: caller };
    throw error;
  }
}

/** A part of a path. @throws {Refusal} 400. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Refusal(400, 'The URL cannot be read.');
  }
}

function health({ databases }: ApiContext): Reply {
  const schedulable = databases.served().every(({ engine }) => engine.failure === undefined);
  return json(JSON.stringify({ name: 'spacetime-embedded', version, nodes: 1, schedulable }));
}

function upgradeRequired(): Reply {
  return { ...text(426, 'This route is a websocket: send an upgrade.'), headers: { upgrade: 'websocket' } };
}
