import { isDatabaseName } from '../database-directory.ts';
import type { ApiContext, ApiRequest } from './api.ts';
import { requireToken } from './authenticate.ts';
import { identityJson } from './database-routes.ts';
import { hostedNamed } from './publish-routes.ts';
import { json, Refusal, type Reply, readText } from './reply.ts';

/** GET /v1/database/:name/names */
export function databaseNames(context: ApiContext, { params }: ApiRequest): Reply {
  const { names } = hostedNamed(context, params[0] ?? '');
  return json(JSON.stringify({ names }));
}

/** POST /v1/database/:name/names: one name more, as text. */
export async function addName(context: ApiContext, { incoming, url, params }: ApiRequest): Promise<Reply> {
  const { claims } = await requireToken(context.tokens, incoming, url);
  const database = hostedNamed(context, params[0] ?? '');
  const name = await readText(incoming);
  requireName(name);
  if (claims.identity !== database.owner || context.databases.find(name) !== undefined) {
    return { ...json(JSON.stringify({ PermissionDenied: { domain: name } })), status: 401 };
  }
  database.names = [...database.names, name];
  context.databases.keep(database);
  const success = { domain: name, database_identity: identityJson(database.identity) };
  return json(JSON.stringify({ Success: success }));
}

/** PUT /v1/database/:name/names: these names and no other, as a JSON array. */
export async function setNames(context: ApiContext, { incoming, url, params }: ApiRequest): Promise<Reply> {
  const { claims } = await requireToken(context.tokens, incoming, url);
  const database = hostedNamed(context, params[0] ?? '');
  const names = namesIn(await readText(incoming));
  if (claims.identity !== database.owner) {
    return { ...json(JSON.stringify({ NotYourDatabase: { database: identityJson(database.identity) } })), status: 401 };
  }
  const taken = names.find((name) => context.databases.find(name) !== undefined);
  if (taken !== undefined) {
    const message = `Cannot rename to ${taken} because it already is in use.`;
    return { ...json(JSON.stringify({ OtherError: message })), status: 400 };
  }
  database.names = names;
  context.databases.keep(database);
  return json('"Success"');
}

function namesIn(body: string): readonly string[] {
  let names: unknown;
  try {
    names = JSON.parse(body);
  } catch {
    throw new Refusal(400, 'The names are not JSON.');
  }
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw new Refusal(422, 'The names are an array of texts.');
  }
  names.forEach(requireName);
  return names;
}

function requireName(name: string): void {
  if (isDatabaseName(name)) return;
  throw new Refusal(400, `Error parsing \`${name}\`: a name has lowercase letters and digits, joined by hyphens`);
}
