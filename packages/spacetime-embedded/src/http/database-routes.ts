import { satsJson } from '../sats/json-write.ts';
import { rawModuleTypes, rawModuleV10 } from '../sats/raw-module-type.ts';
import type { ApiContext, ApiRequest } from './api.ts';
import { authenticate, identityHeaders, requireToken } from './authenticate.ts';
import { databaseNamed } from './lifecycle.ts';
import { json, Refusal, type Reply, text } from './reply.ts';

/** The first byte of a module description of version 10. */
const versionTen = 2;
const defaultLogLines = 1000;

/** GET /v1/database/:name */
export async function databaseInfo(context: ApiContext, { incoming, url, params }: ApiRequest): Promise<Reply> {
  const credentials = await authenticate(context.tokens, incoming, url);
  const { engine } = databaseNamed(context, params[0] ?? '');
  const info = {
    database_identity: identityJson(engine.identity),
    owner_identity: identityJson(engine.owner),
    host_type: { Js: [] },
    initial_program: engine.definition.moduleHash,
  };
  return json(JSON.stringify(info), identityHeaders(credentials));
}

/** GET /v1/database/:name/identity */
export async function databaseIdentity(context: ApiContext, { incoming, url, params }: ApiRequest): Promise<Reply> {
  const credentials = await authenticate(context.tokens, incoming, url);
  const { engine } = databaseNamed(context, params[0] ?? '');
  return { ...text(200, engine.identity), headers: identityHeaders(credentials) };
}

/** GET /v1/database/:name/schema?version=10 */
export async function databaseSchema(context: ApiContext, { incoming, url, params }: ApiRequest): Promise<Reply> {
  const credentials = await authenticate(context.tokens, incoming, url);
  const { engine } = databaseNamed(context, params[0] ?? '');
  const version = url.searchParams.get('version');
  if (version === '9') throw new Refusal(400, 'This host gives the schema in version 10 only: ask with ?version=10.');
  if (version !== '10') throw new Refusal(400, 'The query parameter version must be 10.');
  const { raw } = engine.definition;
  if (raw[0] !== versionTen) throw new Refusal(500, 'The module does not describe itself in version 10.');
  const schema = satsJson(rawModuleV10, raw.subarray(1), { named: true, types: rawModuleTypes });
  return json(schema, identityHeaders(credentials));
}

/** GET /v1/database/:name/logs?num_lines= */
export async function databaseLogs(context: ApiContext, { incoming, url, params }: ApiRequest): Promise<Reply> {
  const { claims } = await requireToken(context.tokens, incoming, url);
  const { engine } = databaseNamed(context, params[0] ?? '');
  if (claims.identity !== engine.owner) throw new Refusal(401, 'Only the owner of a database may read its logs.');
  if (url.searchParams.get('follow') === 'true') throw new Refusal(501, 'This host does not follow logs; ask again.');
  const lines = url.searchParams.get('num_lines') ?? String(defaultLogLines);
  if (!/^\d{1,9}$/.test(lines)) throw new Refusal(400, 'num_lines must be a number.');
  const body = engine
    .logs(Number(lines))
    .map(
      ({ ts, level, message }) => `{"level":"${capitalised(level)}","ts":${ts},"message":${JSON.stringify(message)}}\n`,
    );
  return { status: 200, type: 'application/x-ndjson', body: body.join('') };
}

/** An identity as SATS-JSON. */
export function identityJson(identity: string): object {
  return { __identity__: `0x${identity}` };
}

function capitalised(level: string): string {
  return level.charAt(0).toUpperCase() + level.slice(1);
}
