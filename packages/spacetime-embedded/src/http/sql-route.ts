import { isCodedError } from '@autopilot/sync-contract';
import { AlgebraicType } from 'spacetimedb';
import { HostError } from '../errors.ts';
import { satsJson } from '../sats/json-write.ts';
import { algebraicTypeJson } from '../sats/type-json.ts';
import { bsatn } from '../sql/scalar.ts';
import { runStatement, type StatementResult } from '../sql/statement.ts';
import { withSystemTables } from '../sql/system-tables.ts';
import type { ApiContext, ApiRequest } from './api.ts';
import { authenticate } from './authenticate.ts';
import { asClient, databaseNamed } from './lifecycle.ts';
import { json, Refusal, type Reply, readText } from './reply.ts';
import { untilDurable } from './until-durable.ts';

/** POST /v1/database/:name/sql */
export async function sql(context: ApiContext, { incoming, url, params }: ApiRequest): Promise<Reply> {
  const [name = ''] = params;
  const credentials = await authenticate(context.tokens, incoming, url);
  const database = databaseNamed(context, name);
  const statement = await readText(incoming);
  const { identity } = credentials.claims;
  const { clock } = context.ports;
  const confirmed = url.searchParams.get('confirmed') !== 'false';
  const body = await asClient(context, database, credentials, async () => {
    const started = clock.monotonic();
    const viewer = { identity, isOwner: identity === database.engine.owner };
    const result = answer(() => runStatement(withSystemTables(database.engine), viewer, statement));
    const micros = Math.round((clock.monotonic() - started) * 1000);
    if (confirmed) await untilDurable(database.engine, database.subscriptions.offset);
    return resultJson(result, micros);
  });
  return json(body);
}

function answer(run: () => StatementResult): StatementResult {
  try {
    return run();
  } catch (error) {
    // A view that throws is the statement's trouble; a database that is closed is not.
    const isStatements = error instanceof HostError || (isCodedError(error) && error.code === 'view_failed');
    if (isStatements) throw new Refusal(400, error.message);
    throw error;
  }
}

function resultJson({ schema, rows, changed }: StatementResult, micros: number): string {
  const cells = (row: readonly unknown[]) =>
    schema.elements.map(({ algebraicType }, index) => satsJson(algebraicType, bsatn(algebraicType, row[index])));
  const type = algebraicTypeJson(AlgebraicType.Product(schema));
  const { inserted, deleted, updated } = changed;
  const stats = `{"rows_inserted":${inserted},"rows_deleted":${deleted},"rows_updated":${updated}}`;
  const lines = rows.map((row) => `[${cells(row).join(',')}]`).join(',');
  return `[{"schema":${JSON.stringify(type.Product)},"rows":[${lines}],"total_duration_micros":${micros},"stats":${stats}}]`;
}
