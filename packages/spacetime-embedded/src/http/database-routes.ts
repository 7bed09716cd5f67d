import type { LogLine } from '../engine/database.ts';
import { satsJson } from '../sats/json-write.ts';
import { rawModuleTypes, rawModuleV10 } from '../sats/raw-module-type.ts';
import type { ApiContext, ApiRequest } from './api.ts';
import { requireToken } from './authenticate.ts';
import { databaseNamed } from './lifecycle.ts';
import { json, Refusal, type Reply, text } from './reply.ts';
import { schemaVersion9 } from './schema-9.ts';

/** The first byte of a module description of version 10. */
const versionTen = 2;

/** GET /v1/database/:name */
export function databaseInfo(context: ApiContext, { params }: ApiRequest): Reply {
  const { engine } = databaseNamed(context, params[0] ?? '');
  const info = {
    database_identity: identityJson(engine.identity),
    owner_identity: identityJson(engine.owner),
    host_type: { Js: [] },
    initial_program: engine.definition.moduleHash,
  };
  return json(JSON.stringify(info));
}

/** GET /v1/database/:name/identity */
export function databaseIdentity(context: ApiContext, { params }: ApiRequest): Reply {
  const { engine } = databaseNamed(context, params[0] ?? '');
  return text(200, engine.identity);
}

/** GET /v1/database/:name/schema?version= */
export function databaseSchema(context: ApiContext, { url, params }: ApiRequest): Reply {
  const { engine } = databaseNamed(context, params[0] ?? '');
  const version = url.searchParams.get('version');
  if (version !== '9' && version !== '10') throw new Refusal(400, 'The query parameter version must be 9 or 10.');
  const { raw } = engine.definition;
  if (raw[0] !== versionTen) throw new Refusal(500, 'The module does not describe itself in version 10.');
  if (version === '9') return json(schemaVersion9(engine.definition));
  const schema = satsJson(rawModuleV10, raw.subarray(1), { named: true, types: rawModuleTypes });
  return json(schema);
}

/** GET /v1/database/:name/unstable/timestamp */
export function databaseTimestamp(context: ApiContext, { params }: ApiRequest): Reply {
  databaseNamed(context, params[0] ?? '');
  const micros = BigInt(Math.floor(context.ports.clock.now() * 1000));
  return json(`{"__timestamp_micros_since_unix_epoch__":${micros}}`);
}

/** GET /v1/database/:name/logs?num_lines=&follow= */
export async function databaseLogs(context: ApiContext, { incoming, url, params }: ApiRequest): Promise<Reply> {
  const { claims } = await requireToken(context.tokens, incoming, url);
  const database = databaseNamed(context, params[0] ?? '');
  const { engine } = database;
  if (claims.identity !== engine.owner) throw new Refusal(401, 'Only the owner of a database may read its logs.');
  const lines = url.searchParams.get('num_lines');
  if (lines !== null && !/^\d{1,9}$/.test(lines)) throw new Refusal(400, 'num_lines must be a number.');
  const body = engine
    .logs(lines === null ? Number.POSITIVE_INFINITY : Number(lines))
    .map(logLine)
    .join('');
  const type = 'application/x-ndjson';
  const headers = { 'cache-control': 'no-cache' };
  if (url.searchParams.get('follow') !== 'true') return { status: 200, type, headers, body };
  return {
    status: 200,
    type,
    headers,
    body,
    follow: (send, end) => {
      const stops = [engine.onLog((line) => send(logLine(line))), database.onClose(end)];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}

function logLine({ ts, level, message }: LogLine): string {
  return `{"level":"${capitalised(level)}","ts":${ts},"message":${JSON.stringify(message)}}\n`;
}

/** An identity as SATS-JSON. */
export function identityJson(identity: string): object {
  return { __identity__: `0x${identity}` };
}

function capitalised(level: string): string {
  return level.charAt(0).toUpperCase() + level.slice(1);
}
