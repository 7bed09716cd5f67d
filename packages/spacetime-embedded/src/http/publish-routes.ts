import { createHash } from 'node:crypto';
import { isCodedError } from '@autopilot/sync-contract';
import { isDatabaseName } from '../database-directory.ts';
import type { HostedDatabase } from '../hosted-database.ts';
import type { ApiContext, ApiRequest } from './api.ts';
import { requireToken } from './authenticate.ts';
import { confirmationTimeout } from './confirmation-timeout.ts';
import { identityJson } from './database-routes.ts';
import { json, largestModule, Refusal, type Reply, readBody } from './reply.ts';
import { untilDurable } from './until-durable.ts';

/** The database of a request, also while nothing is served under it. @throws {Refusal} 404. */
export function hostedNamed({ databases }: ApiContext, name: string): HostedDatabase {
  const database = databases.find(name);
  if (database === undefined) throw new Refusal(404, `\`${name}\` not found`);
  return database;
}

/** PUT /v1/database/:name?host_type=Js */
export async function publish(context: ApiContext, request: ApiRequest): Promise<Reply> {
  const [name = ''] = request.params;
  const { claims } = await requireToken(context.tokens, request.incoming, request.url);
  const known = context.databases.find(name);
  if (known !== undefined && known.owner !== claims.identity) return permissionDenied(name);
  requireJavaScript(request.url);
  if (known !== undefined && request.url.searchParams.get('clear') === 'true') return await emptied(known, request);
  if (known !== undefined) {
    const milliseconds = confirmationTimeout(request.url);
    const op = await opened(known, await readBody(request.incoming, largestModule), request.url);
    const engine = known.slot.current?.engine;
    const { scheduler } = context.ports;
    if (engine !== undefined) await untilDurable(engine, engine.offset, { scheduler, milliseconds });
    return published(known, name, op);
  }
  requireMayCreate(context, claims.identity);
  if (!isDatabaseName(name))
    throw new Refusal(isIdentity(name) ? 404 : 400, `\`${name}\` is not a name for a database`);
  return await created(context, request, claims.identity, name);
}

/** POST /v1/database?host_type=Js: a database without a name. */
export async function publishUnnamed(context: ApiContext, request: ApiRequest): Promise<Reply> {
  const { claims } = await requireToken(context.tokens, request.incoming, request.url);
  requireJavaScript(request.url);
  if (request.url.searchParams.get('clear') === 'true') {
    throw new Refusal(400, 'Clear database requires database name or identity');
  }
  requireMayCreate(context, claims.identity);
  return await created(context, request, claims.identity, undefined);
}

/** DELETE /v1/database/:name */
export async function deleteDatabase(context: ApiContext, { incoming, url, params }: ApiRequest): Promise<Reply> {
  const [name = ''] = params;
  const { claims } = await requireToken(context.tokens, incoming, url);
  // An identity always resolves; that there is nothing under it is what the caller wants.
  if (isIdentity(name) && context.databases.find(name) === undefined) return { status: 200 };
  const database = hostedNamed(context, name);
  requireOwner(database, claims.identity, 'delete');
  requireUnlocked(database, 'deleted');
  await context.databases.remove(database);
  return { status: 200 };
}

/** PUT /v1/database/:name/reset: the module in the body, or the one that is served, without a row. */
export async function reset(context: ApiContext, request: ApiRequest): Promise<Reply> {
  const [name = ''] = request.params;
  const { claims } = await requireToken(context.tokens, request.incoming, request.url);
  const database = hostedNamed(context, name);
  requireOwner(database, claims.identity, 'reset');
  return await emptied(database, request);
}

/** POST /v1/database/:name/lock */
export function lock(context: ApiContext, request: ApiRequest): Promise<Reply> {
  return locked(context, request, true);
}

/** POST /v1/database/:name/unlock */
export function unlock(context: ApiContext, request: ApiRequest): Promise<Reply> {
  return locked(context, request, false);
}

async function locked(context: ApiContext, { incoming, url, params }: ApiRequest, isLocked: boolean): Promise<Reply> {
  const { claims } = await requireToken(context.tokens, incoming, url);
  const database = hostedNamed(context, params[0] ?? '');
  requireOwner(database, claims.identity, isLocked ? 'lock' : 'unlock');
  database.isLocked = isLocked;
  context.databases.keep(database);
  return { status: 200 };
}

async function created(
  context: ApiContext,
  { incoming }: ApiRequest,
  owner: string,
  name: string | undefined,
): Promise<Reply> {
  const { databases, tokens } = context;
  const module = await readBody(incoming, largestModule);
  // Between the look for the name and here the body was read.
  if (name !== undefined && databases.find(name) !== undefined) return permissionDenied(name);
  const database = databases.create(tokens.mint().claims.identity, owner, name);
  try {
    await opened(database, module, undefined);
    databases.keep(database);
  } catch (error) {
    await databases.remove(database);
    throw error;
  }
  return published(database, name, 'created');
}

async function opened(
  { slot, identity }: HostedDatabase,
  module: Uint8Array,
  url: URL | undefined,
): Promise<'created' | 'updated'> {
  const bytes = Uint8Array.from(module);
  return await refused('Database update rejected', async () => {
    const mayBreakClients = url !== undefined && mayBreak(url, migrationToken(identity, slot, bytes));
    return await slot.publish(bytes, { mayBreakClients });
  });
}

/** POST /v1/database/:name/pre_publish: what an update would do, and the token that acknowledges it. */
export async function prePublish(context: ApiContext, request: ApiRequest): Promise<Reply> {
  const { claims } = await requireToken(context.tokens, request.incoming, request.url);
  const database = hostedNamed(context, request.params[0] ?? '');
  requireOwner(database, claims.identity, 'update');
  requireJavaScript(request.url);
  const module = Uint8Array.from(await readBody(request.incoming, largestModule));
  const plan = await refused('The module cannot be read', () => database.slot.planFor(module));
  const common = { major_version_upgrade: false };
  if (plan === undefined || plan.refusals.length > 0) {
    const reason = plan === undefined ? 'Nothing has been published yet.' : plan.refusals.join('\n');
    return json(JSON.stringify({ ManualMigrate: { reason, ...common } }));
  }
  const token = migrationToken(database.identity, database.slot, module);
  const { steps, breaksClients } = plan;
  const migrated = { migrate_plan: steps.join('\n'), break_clients: breaksClients, token, ...common };
  return json(JSON.stringify({ AutoMigrate: migrated }));
}

/** Names one update of one database: whoever sends it has seen what the update does. */
function migrationToken(identity: string, { current }: HostedDatabase['slot'], module: Uint8Array): string {
  const before = current?.engine.definition.moduleHash ?? '';
  return createHash('sha256').update(`${identity}\n${before}\n`).update(module).digest('hex');
}

function mayBreak({ searchParams }: URL, token: string): boolean {
  const policy = searchParams.get('policy') ?? 'Compatible';
  if (policy === 'Compatible') return false;
  if (policy !== 'BreakClients') throw new Refusal(400, `policy must be Compatible or BreakClients, not ${policy}.`);
  const given = searchParams.get('token');
  if (given === null) {
    throw new Refusal(400, 'Migration policy is set to `BreakClients`, but no migration token was provided.');
  }
  if (given.replace(/^0x/, '') === token) return true;
  throw new Refusal(400, 'The migration token is of another update: ask for one with pre_publish.');
}

async function emptied(database: HostedDatabase, { incoming, params }: ApiRequest): Promise<Reply> {
  requireUnlocked(database, 'reset with --delete-data');
  const module = await readBody(incoming, largestModule);
  await refused('Database reset failed', () =>
    database.slot.reset(module.length === 0 ? undefined : Uint8Array.from(module)),
  );
  return published(database, params[0], 'updated');
}

async function refused<Result>(what: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (isCodedError(error)) throw new Refusal(400, `${what}: ${error.message} ${error.next}`);
    throw error;
  }
}

function published({ identity }: HostedDatabase, name: string | undefined, op: 'created' | 'updated'): Reply {
  const domain = name === undefined || isIdentity(name) ? null : name;
  return json(JSON.stringify({ Success: { domain, database_identity: identityJson(identity), op } }));
}

function permissionDenied(name: string): Reply {
  return { ...json(JSON.stringify({ PermissionDenied: { name } })), status: 401 };
}

function requireMayCreate({ anybodyMayPublish, databases }: ApiContext, identity: string): void {
  if (anybodyMayPublish || identity === databases.first.owner) return;
  throw new Refusal(401, 'Only the owner of this host may create databases on it.');
}

function requireOwner({ owner, identity }: HostedDatabase, caller: string, what: string): void {
  if (caller === owner) return;
  throw new Refusal(401, `${caller} is not authorized to ${what} the database ${identity}`);
}

function requireUnlocked({ isLocked }: HostedDatabase, what: string): void {
  if (isLocked) throw new Refusal(403, `Database is locked and cannot be ${what}. Unlock it first.`);
}

function requireJavaScript(url: URL): void {
  const hostType = url.searchParams.get('host_type') ?? 'Wasm';
  if (hostType === 'Js') return;
  throw new Refusal(400, `This host runs JavaScript modules: publish with ?host_type=Js, not ${hostType}.`);
}

function isIdentity(text: string): boolean {
  return /^[0-9a-fA-F]{64}$/.test(text);
}
