import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Identity, t } from 'spacetimedb';
import { identityOf } from '../src/auth/identity.ts';
import { Binder } from '../src/sql/binder.ts';
import { parseStatement } from '../src/sql/parser.ts';
import { estimatedRows } from '../src/sql/row-estimate.ts';
import { runStatement } from '../src/sql/statement.ts';
import { compileSubscription } from '../src/sql/subscription-query.ts';
import { withSystemTables } from '../src/sql/system-tables.ts';
import { type StartEmbeddedOptions, startEmbedded } from '../src/start-embedded.ts';
import { bundleText } from './support/bundle.ts';
import { MemoryDatabase } from './support/memory-database.ts';

const [owner, alice] = ['owner', 'alice'].map((name) => identityOf('test', name)) as [string, string];
const id = (identity: string) => new Identity(BigInt(`0x${identity}`));

/** Ten of `t` in five teams, four of `u` for two of `t`, three of `paper` with two rules. */
function database(): MemoryDatabase {
  const memory = new MemoryDatabase(owner, {
    tables: {
      t: { columns: { id: t.u32(), team: t.string(), score: t.i32() }, primaryKey: 'id', indexes: ['team'] },
      u: { columns: { id: t.u32(), t_id: t.u32(), score: t.i32() }, primaryKey: 'id', indexes: ['t_id'] },
      paper: { columns: { id: t.u32(), author: t.identity(), shown: t.bool() }, primaryKey: 'id' },
    },
    rules: ['SELECT * FROM paper WHERE author = :sender', 'SELECT * FROM paper WHERE shown = TRUE OR id = 1'],
  });
  memory.transact((tx) => {
    for (let index = 0; index < 10; index += 1) tx.insert('t', index, `team ${index % 5}`, index);
    for (let index = 0; index < 4; index += 1) tx.insert('u', index, index % 2, index);
    for (let index = 0; index < 3; index += 1) tx.insert('paper', index, id(alice), false);
  });
  return memory;
}

function estimate(text: string, identity = alice): bigint {
  const memory = database();
  const select = parseStatement(text);
  if (select.kind !== 'select') throw new TypeError(text);
  const binder = new Binder(memory.definition, { identity, isOwner: identity === owner });
  return binder.bindAll(select).reduce((sum, query) => sum + estimatedRows(memory, query), 0n);
}

// Each number is what the plan of upstream's optimizer comes to, by its own arithmetic.
describe('how many rows a query is expected to scan', () => {
  test.each([
    ['SELECT * FROM t', 10],
    ['SELECT * FROM t LIMIT 1', 10],
    ['SELECT * FROM t WHERE score = 1', 20],
    ['SELECT * FROM t WHERE id > 3', 20],
    ['SELECT * FROM t WHERE id = 3', 1],
    ['SELECT * FROM t WHERE id = 3 AND score = 1', 2],
    ["SELECT * FROM t WHERE team = 'none'", 2],
    ["SELECT * FROM t WHERE team = 'a' AND score > 1 AND score < 9", 4],
    ["SELECT * FROM t WHERE team = 'a' OR team = 'b'", 20],
    ["SELECT * FROM t WHERE team = 'a' AND id = 3", 4],
  ])('Q5 of one table: %s', (text, rows) => {
    expect(estimate(text)).toBe(BigInt(rows));
  });

  test.each([
    ['SELECT t.* FROM t JOIN u ON t.id = u.t_id', 30],
    ['SELECT t.* FROM u JOIN t ON u.t_id = t.id', 8],
    ['SELECT t.* FROM t JOIN u ON t.id = u.t_id WHERE u.id = 1', 2],
    ["SELECT u.* FROM u JOIN t ON u.t_id = t.id WHERE t.team = 'a'", 6],
    ['SELECT t.* FROM u JOIN t ON u.t_id = t.id WHERE t.score = 1 AND u.score = 1', 16],
    ['SELECT t.* FROM u JOIN t ON u.t_id = t.id WHERE t.score = u.score', 12],
    ['SELECT t.* FROM t JOIN u ON t.score = u.score', 54],
    ['SELECT t.* FROM t JOIN u', 54],
    ['SELECT t.* FROM u JOIN t ON u.t_id = t.id JOIN t AS other ON t.id = other.id', 12],
  ])('Q5 of joins: %s', (text, rows) => {
    expect(estimate(text)).toBe(BigInt(rows));
  });

  test.each([
    ['SELECT * FROM paper', alice, 12],
    ['SELECT * FROM paper', owner, 3],
    ['SELECT * FROM paper WHERE id = 1', alice, 18],
    ['SELECT p.* FROM paper p JOIN t ON p.id = t.id', alice, 18],
  ])('Q5 under row rules, one plan for each: %s', (text, identity, rows) => {
    expect(estimate(text, identity)).toBe(BigInt(rows));
  });
});

test('Q6 system tables are not subscribed to, alone or in a join, and of all of them st_var alone is changed', () => {
  const memory = database();
  const everybody = { identity: alice, isOwner: false };
  for (const text of ['SELECT * FROM st_client', 'SELECT t.* FROM t JOIN st_table s ON t.id = s.table_id']) {
    expect(() => compileSubscription(memory.definition, everybody, text)).toThrow('cannot be subscribed to here');
  }
  const source = withSystemTables(memory);
  const names = (text: string) => runStatement(source, everybody, text).rows.flat();
  expect(names("SELECT table_name FROM st_table WHERE table_type = 'user'")).toEqual(['t', 'u', 'paper']);
  const byOwner = { identity: owner, isOwner: true };
  for (const text of ['DELETE FROM st_table', 'UPDATE st_client SET connection_id = 1']) {
    expect(() => runStatement(source, byOwner, text)).toThrow('SQL changes st_var alone');
  }
});

describe('a variable that was set', () => {
  let module: Uint8Array;
  let dataDir: string;

  beforeAll(async () => {
    module = await bundleText(`
      import { schema, t, table } from 'spacetimedb/server';
      const spacetimedb = schema({ thing: table({ public: true }, { id: t.u32().primaryKey() }) });
      export default spacetimedb;
      export const add = spacetimedb.reducer({ id: t.u32() }, (ctx, { id }) => { ctx.db.thing.insert({ id }); });
    `);
  });
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'variables-'));
  });
  afterEach(() => {
    rmSync(dataDir, { recursive: true });
  });

  const start = (more: Partial<StartEmbeddedOptions> = {}) =>
    startEmbedded({ module, database: 'db', listen: '127.0.0.1:0', dataDir, ...more });
  type Host = Awaited<ReturnType<typeof start>>;
  async function ask(host: Host, method: string, path: string, body: string): Promise<string> {
    const headers = { authorization: `Bearer ${host.ownerToken}`, 'content-type': 'application/json' };
    const response = await fetch(`${host.url}/v1/database/db/${path}`, { method, headers, body });
    expect(response.status).toBe(200);
    return await response.text();
  }
  const sql = async (host: Host, text: string) => JSON.parse(await ask(host, 'POST', 'sql', text))[0];

  test('Q5 outlives a restart from the log and from a snapshot, and a reset forgets it', async () => {
    const first = await start();
    expect((await sql(first, 'SET row_limit = 9')).stats.rows_inserted).toBe(1);
    expect((await sql(first, 'SET row_limit = 9')).stats.rows_inserted).toBe(0);
    await first.close();

    const second = await start({ durability: { snapshotAfterBytes: 0 } });
    expect((await sql(second, 'SHOW row_limit')).rows).toEqual([[[8, 9]]]);
    await ask(second, 'POST', 'call/add', '[1]');
    await second.close();
    const files = readdirSync(dataDir, { recursive: true }).map(String);
    expect(files.some((file) => file.includes('snapshot'))).toBe(true);

    const third = await start();
    expect((await sql(third, 'SHOW row_limit')).rows).toEqual([[[8, 9]]]);
    await ask(third, 'PUT', 'reset', '');
    expect((await sql(third, 'SHOW row_limit')).rows).toEqual([]);
    await third.close();
  });

  test('Q6 a module whose table has the name of a system table is refused', async () => {
    const taken = await bundleText(`
      import { schema, t, table } from 'spacetimedb/server';
      export default schema({ stVar: table({ public: true }, { id: t.u32().primaryKey() }) });
    `);
    await expect(start({ module: taken })).rejects.toMatchObject({
      code: 'module_invalid',
      message: '"st_var" is the name of a system table.',
    });
  });
});
