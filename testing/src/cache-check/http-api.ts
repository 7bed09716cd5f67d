import type { ServerEnd } from './check-server.ts';
import { CacheCheckError } from './errors.ts';
import { type PublicTable, publicTables, type RowText, rowText } from './rows.ts';
import { entryOf } from './state.ts';

/** Where a database is, and by whom it is asked. */
export interface Database {
  readonly url: string;
  readonly name: string;
  readonly token: string;
}

/** Makes an identity. @throws {CacheCheckError} */
export async function mintToken(url: string): Promise<string> {
  const { token } = JSON.parse(await ask(`${url}/v1/identity`, { method: 'POST' })) as { token?: unknown };
  if (typeof token !== 'string') throw new CacheCheckError('server_refused', `${url} gave no token for an identity.`);
  return token;
}

/** @throws {CacheCheckError} `database_exists` when the name is taken: nobody's data is to be touched. */
export async function refuseTaken({ url, name }: Pick<Database, 'url' | 'name'>): Promise<void> {
  const response = await request(`${url}/v1/database/${name}`, {});
  await response.body?.cancel();
  if (response.status === 404) return;
  const what = `The database ${name} at ${url} exists (HTTP ${response.status}).`;
  throw new CacheCheckError('database_exists', what);
}

/** Publishes a bundle as the database. @throws {CacheCheckError} */
export async function publish({ url, name, token }: Database, bundle: Uint8Array): Promise<void> {
  const target = `${url}/v1/database/${name}?host_type=Js`;
  await ask(target, { method: 'PUT', headers: bearer(token), body: Uint8Array.from(bundle) });
}

/** The rows of one statement, as durable as can be asked for. @throws {CacheCheckError} */
export async function sql<Row = number[]>({ url, name, token }: Database, statement: string): Promise<Row[]> {
  const target = `${url}/v1/database/${name}/sql?confirmed=true`;
  const answer = await ask(target, { method: 'POST', headers: bearer(token), body: statement });
  // Counters and microseconds: all of them are exact in a number.
  const [result] = JSON.parse(answer) as [{ rows: Row[] }];
  return result.rows;
}

/** Asks for everything that the judge compares with. */
export async function readServerEnd(database: Database): Promise<ServerEnd> {
  const ledger = (await sql(database, 'SELECT * FROM ledger')).map(entryOf).sort((one, other) => one.n - other.n);
  const rows: RowText[] = [];
  for (const table of Object.keys(publicTables) as PublicTable[]) {
    for (const cells of await sql(database, `SELECT * FROM ${table}`)) rows.push(rowText(table, cells));
  }
  return { ledger, rows };
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

async function ask(url: string, init: RequestInit): Promise<string> {
  const response = await request(url, init);
  const body = await response.text();
  if (response.ok) return body;
  throw new CacheCheckError('server_refused', `${url} answered ${response.status}: ${body.slice(0, 300)}`);
}

async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(30_000) });
  } catch (cause) {
    throw new CacheCheckError('server_unreachable', `${url} does not answer.`, { cause });
  }
}
