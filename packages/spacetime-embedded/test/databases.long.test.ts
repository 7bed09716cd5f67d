import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { SocketClient } from '../src/conformance/socket-client.ts';
import { type EmbeddedHost, startEmbedded } from '../src/start-embedded.ts';
import { bundleText } from './support/bundle.ts';

let module: string;
let broken: string;
let dataDir: string;
let host: EmbeddedHost;
let token: string;

const source = (table: string) => `
  import { schema, t, table } from 'spacetimedb/server';
  const spacetimedb = schema({ ${table}: table({ public: true }, { id: t.u32().primaryKey() }) });
  export default spacetimedb;
  export const add = spacetimedb.reducer({ id: t.u32() }, (ctx, { id }) => { ctx.db.${table}.insert({ id }); });
`;

beforeAll(async () => {
  module = Buffer.from(await bundleText(source('thing'))).toString();
  broken = Buffer.from(
    await bundleText(`${source('other')} export const init = spacetimedb.init(() => { throw new Error('no'); });`),
  ).toString();
});

const start = (more: { anybodyMayPublish?: boolean } = {}) =>
  startEmbedded({ module: Buffer.from(module), database: 'first', listen: '127.0.0.1:0', dataDir, ...more });

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'databases-'));
  host = await start({ anybodyMayPublish: true });
  token = JSON.parse((await request('POST', '/v1/identity')).body).token;
});

afterEach(async () => {
  await host.close();
  rmSync(dataDir, { recursive: true });
});

async function request(method: string, path: string, body?: string, bearer = token) {
  const response = await fetch(`${host.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, body: await response.text() };
}

const publish = (name: string, bytes = module, more = '') =>
  request('PUT', `/v1/database/${name}?host_type=Js${more}`, bytes);
const rowsOf = async (name: string, table = 'thing') =>
  JSON.parse((await request('POST', `/v1/database/${name}/sql`, `SELECT * FROM ${table}`)).body)[0].rows;

describe('databases beside the first one', () => {
  test('H6 are apart from each other, and a restart finds them under their names and locks again', async () => {
    expect((await publish('one')).status).toBe(200);
    expect((await publish('two')).status).toBe(200);
    await request('POST', '/v1/database/one/call/add', '[1]');
    await request('POST', '/v1/database/two/call/add', '[2]');
    await request('POST', '/v1/database/first/call/add', '[3]');
    expect((await request('POST', '/v1/database/two/names', 'zwei')).status).toBe(200);
    expect((await request('POST', '/v1/database/two/lock')).status).toBe(200);
    await host.close();
    host = await start();
    expect([await rowsOf('one'), await rowsOf('zwei'), await rowsOf('first')]).toEqual([[[1]], [[2]], [[3]]]);
    expect((await request('DELETE', '/v1/database/two')).status).toBe(403);
    expect((await request('DELETE', '/v1/database/one')).status).toBe(200);
    await host.close();
    host = await start();
    expect((await request('GET', '/v1/database/one')).status).toBe(404);
    expect(await rowsOf('two')).toEqual([[2]]);
  });

  test('H6 a creation that fails leaves neither a name nor a file, and a reset that fails leaves every row', async () => {
    expect((await publish('one', broken)).status).toBe(400);
    expect((await request('GET', '/v1/database/one')).status).toBe(404);
    expect((await publish('one')).status).toBe(200);
    await request('POST', '/v1/database/one/call/add', '[1]');
    expect((await publish('one', broken, '&clear=true')).status).toBe(400);
    expect(await rowsOf('one')).toEqual([[1]]);
    expect((await publish('one', module, '&clear=true')).status).toBe(200);
    expect(await rowsOf('one')).toEqual([]);
  });

  test('H6 a restart finds the names and the lock of the first one too, and its deletion forgets them', async () => {
    const owners = (method: string, path: string, body?: string) => request(method, path, body, host.ownerToken);
    expect((await owners('POST', '/v1/database/first/names', 'other')).status).toBe(200);
    expect((await owners('POST', '/v1/database/first/lock')).status).toBe(200);
    await host.close();
    host = await start();
    expect(JSON.parse((await request('GET', '/v1/database/other/names')).body)).toEqual({ names: ['first', 'other'] });
    expect((await owners('DELETE', '/v1/database/other')).status).toBe(403);
    expect((await owners('POST', '/v1/database/other/unlock')).status).toBe(200);
    expect((await owners('DELETE', '/v1/database/other')).status).toBe(200);
    await host.close();
    host = await start();
    expect((await request('GET', '/v1/database/other')).status).toBe(404);
    expect(await rowsOf('first')).toEqual([]);
  });

  test('H6 only the owner of the host creates them, unless it is opened to everybody', async () => {
    await host.close();
    host = await start();
    expect((await publish('one')).status).toBe(401);
    expect((await request('PUT', '/v1/database/one?host_type=Js', module, host.ownerToken)).status).toBe(200);
  });
});

test.each([true, false])(
  'W13 a module that is loaded anew says 1001 and keeps its rows (on disk: %s)',
  async (isOnDisk) => {
    await host.close();
    const options = { module: Buffer.from(module), database: 'first', listen: '127.0.0.1:0' };
    host = isOnDisk ? await start() : await startEmbedded(options);
    await request('POST', '/v1/database/first/call/add', '[3]', '');
    const client = new SocketClient(`${host.url}/v1/database/first`, systemPorts.scheduler);
    await client.next('InitialConnection');
    await host.faults.reloadModule();
    expect(await client.ended()).toEqual({ code: 1001, reason: 'module exited' });
    await request('POST', '/v1/database/first/call/add', '[4]', '');
    const { body } = await request('POST', '/v1/database/first/sql', 'SELECT * FROM thing', '');
    expect(JSON.parse(body)[0].rows.sort()).toEqual([[3], [4]]);
  },
);

describe('an update on disk', () => {
  const wider = (more = '') => `
    import { schema, t, table } from 'spacetimedb/server';
    const thing = table({ public: true }, { id: t.u32().primaryKey(), level: t.u32().default(7) });
    const extra = table({ public: true }, { id: t.u64().primaryKey().autoInc() });
    const spacetimedb = schema({ thing, extra });
    export default spacetimedb;
    export const add = spacetimedb.reducer({ id: t.u32() }, (ctx, { id }) => { ctx.db.thing.insert({ id, level: 1 }); });
    ${more}
  `;
  let next: string;

  beforeAll(async () => {
    next = Buffer.from(await bundleText(wider())).toString();
  });

  const updateTo = async (bytes: string) => {
    const { body } = await request('POST', '/v1/database/one/pre_publish?host_type=Js', bytes);
    return await publish('one', bytes, `&policy=BreakClients&token=${JSON.parse(body).AutoMigrate?.token}`);
  };
  const sorted = async () => (await rowsOf('one')).sort();

  test('H7 takes the rows along, and a restart reads them as the new module has them', async () => {
    await publish('one');
    await request('POST', '/v1/database/one/call/add', '[1]');
    expect((await updateTo(next)).status).toBe(200);
    await request('POST', '/v1/database/one/call/add', '[2]');
    const rows = [
      [1, 7],
      [2, 1],
    ];
    expect(await sorted()).toEqual(rows);
    await host.close();
    host = await start();
    expect(await sorted()).toEqual(rows);
    expect(await rowsOf('one', 'extra')).toEqual([]);
  });

  test('H7 has happened wholly or not at all when the process ends in it', async () => {
    const { body } = await publish('one');
    await request('POST', '/v1/database/one/call/add', '[1]');
    const folder = join(dataDir, 'databases', JSON.parse(body).Success.database_identity.__identity__.slice(2));
    await host.close();
    // Ended before the update was complete: it has not happened.
    mkdirSync(join(folder, 'update.new', 'database'), { recursive: true });
    writeFileSync(join(folder, 'update.new', 'module.js'), 'half');
    host = await start();
    expect(await sorted()).toEqual([[1]]);
    expect(existsSync(join(folder, 'update.new'))).toBe(false);
    expect((await updateTo(next)).status).toBe(200);
    await host.close();
    // Ended when it was complete, before and after the rows were in their place: it has happened.
    for (const moved of [['database', 'module.js'], ['module.js']]) {
      mkdirSync(join(folder, 'update'));
      for (const name of moved) renameSync(join(folder, name), join(folder, 'update', name));
      if (moved.includes('database')) mkdirSync(join(folder, 'database'));
      host = await start();
      expect(await sorted()).toEqual([[1, 7]]);
      await host.close();
    }
    expect(readdirSync(folder).sort()).toEqual(['database', 'database.json', 'module.js']);
    host = await start();
  });

  test('H7 happens at a start with another module too, and a module that cannot take the rows is refused there', async () => {
    await request('POST', '/v1/database/first/call/add', '[3]');
    await host.close();
    const options = { database: 'first', listen: '127.0.0.1:0', dataDir };
    host = await startEmbedded({ ...options, module: Buffer.from(next) });
    expect(await rowsOf('first')).toEqual([[3, 7]]);
    await host.close();
    await expect(startEmbedded({ ...options, module: Buffer.from(module) })).rejects.toThrow(
      expect.objectContaining({ code: 'update_refused', message: expect.stringContaining('Removing a column level') }),
    );
    host = await startEmbedded(options);
    expect(await rowsOf('first')).toEqual([[3, 7]]);
  });
});
