import { isCodedError } from '@autopilot/sync-contract';
import type { Credentials } from '../auth/tokens.ts';
import { type CallerInfo, ClientRejected } from '../engine/database.ts';
import type { ServedDatabase } from '../served-database.ts';
import type { ApiContext } from './api.ts';
import { Refusal } from './reply.ts';

/** The database of a request. @throws {Refusal} 404, also while nothing has been published. */
export function databaseNamed(context: ApiContext, name: string): ServedDatabase {
  const database = context.databases.find(name)?.slot.current;
  if (database === undefined) throw new Refusal(404, `\`${name}\` not found`);
  return database;
}

/**
 * Runs a call as a client that connects for it and disconnects after it, as the module sees it too.
 *
 * @throws {Refusal} 403 with the module's message when it refuses the client, 503 when the database is closed.
 */
export async function asClient<Result>(
  context: ApiContext,
  { engine }: ServedDatabase,
  { claims }: Credentials,
  call: (caller: CallerInfo) => Result | Promise<Result>,
): Promise<Result> {
  const { identity, payload } = claims;
  const connectionId = Buffer.from(context.ports.random.bytes(16)).toString('hex');
  try {
    engine.connect({ identity, connectionId, jwtPayload: payload });
  } catch (error) {
    throw refusal(error);
  }
  try {
    return await call({ identity, connectionId });
  } finally {
    engine.disconnect(connectionId);
  }
}

function refusal(error: unknown): unknown {
  if (error instanceof ClientRejected) return new Refusal(403, error.message);
  return isCodedError(error) ? new Refusal(503, error.message) : error;
}
