import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SyncError } from '@autopilot/sync-contract';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { parseCommand } from '../src/cli/parse-command.ts';
import { ControlError } from '../src/errors.ts';
import { createDatabaseAdmin } from '../src/spacetime/database-admin.ts';
import { issuer, startHarness } from './support/harness.ts';
import { temporaryFolder } from './support/temporary-folder.ts';
import { waitUntil } from './support/wait-until.ts';

const given = {
  listen: '127.0.0.1:0',
  'data-dir': 'data',
  issuer: 'http://127.0.0.1:4000',
  spacetime: 'http://127.0.0.1:3000',
  database: 'autopilot',
  clients: 'clients.json',
};

const line = (overrides: Record<string, string> = {}) =>
  Object.entries({ ...given, ...overrides }).flatMap(([name, value]) => [`--${name}`, value]);

describe('command line', () => {
  test('is read', () => {
    expect(parseCommand([...line({ listen: '[::1]:80' }), '--publish', 'b.js', '--ready-json'])).toEqual({
      kind: 'serve',
      host: '::1',
      port: 80,
      dataDir: 'data',
      issuer: given.issuer,
      spacetime: given.spacetime,
      database: 'autopilot',
      clientsFile: 'clients.json',
      store: undefined,
      publish: 'b.js',
      audience: undefined,
      readyJson: true,
    });
    expect(parseCommand(['--help'])).toEqual({ kind: 'help' });
  });

  test('of a cutover is read', () => {
    const lane = ['--khala', 'http://127.0.0.1:5000', '--khala-secret-file', 's', '--gate-keys', 'k.json'];
    const more = [
      '--cutover-config',
      'c.json',
      '--deployment',
      'prod',
      '--commit',
      'abc',
      '--rehearsal-clock-rate',
      '60',
      '--heartbeat-ms',
      '2000',
    ];
    expect(parseCommand([...line(), ...lane, ...more])).toMatchObject({
      khala: 'http://127.0.0.1:5000',
      khalaSecretFile: 's',
      gateKeysFile: 'k.json',
      cutoverConfigFile: 'c.json',
      deployment: 'prod',
      commit: 'abc',
      clockRate: 60,
      heartbeatMs: 2000,
    });
  });

  test.each([
    ['an unknown option', [...line(), '--colour'], '--colour'],
    ['a heartbeat that is no number', [...line(), '--heartbeat-ms', 'often'], '--heartbeat-ms'],
    ['a word too many', [...line(), 'start'], 'start'],
    ['a missing option', ['--listen', '127.0.0.1:0'], '--data-dir, --issuer, --spacetime, --database, --clients'],
    ['an address without a port', line({ listen: 'localhost' }), 'HOST:PORT'],
    ['a port that is none', line({ listen: 'localhost:70000' }), 'HOST:PORT'],
    ['an issuer that is no URL', line({ issuer: 'control.example' }), '--issuer'],
    ['an issuer with a query', line({ issuer: 'https://control.example?a=1' }), '--issuer'],
    ['an issuer that SpacetimeDB refuses', line({ issuer: `https://${'x'.repeat(130)}` }), '128 bytes'],
    ['a database that is no name', line({ database: 'No Such' }), '--database'],
    ['a server that is no URI', line({ spacetime: 'file:///x' }), '--spacetime'],
    ['another kind of store', [...line(), '--store', 'mysql://x'], 'postgres://'],
    ['an empty audience', [...line(), '--audience', ''], '--audience'],
    ['a khala that is no URL', [...line(), '--khala', 'ws://x'], '--khala'],
    ['a secret for no khala', [...line(), '--khala-secret-file', 'x'], '--khala'],
    ['a clock that stands', [...line(), '--rehearsal-clock-rate', '0'], '--rehearsal-clock-rate'],
    ['a clock that is none', [...line(), '--rehearsal-clock-rate', 'NaN'], '--rehearsal-clock-rate'],
    ['an empty deployment', [...line(), '--deployment', ''], '--deployment'],
    ['no issuer to print for', ['--print-owner-identity'], '--issuer'],
  ])('refuses %s', (_name, args, named) => {
    expect(() => parseCommand(args)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => parseCommand(args)).toThrow(named);
  });
});

describe('start', () => {
  const refusal = (overrides: Parameters<typeof startHarness>[0]) =>
    startHarness(overrides).then(
      () => 'started',
      (error: unknown) => (error instanceof ControlError ? error.code : error),
    );

  test('refuses a data folder that is a file, is damaged or in use', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'file');
    writeFileSync(file, '');
    expect(await refusal({ dataDir: file })).toBe('data_dir_unusable');
    const damaged = path.join(folder, 'damaged');
    mkdirSync(damaged);
    writeFileSync(path.join(damaged, 'control.sqlite'), 'not a database, but long enough '.repeat(40));
    expect(await refusal({ dataDir: damaged })).toBe('data_dir_unusable');
    const { dataDir } = await startHarness();
    expect(await refusal({ dataDir })).toBe('data_dir_unusable');
  });

  test('refuses an address that is taken or not of this machine', async () => {
    const { control } = await startHarness();
    expect(await refusal({ port: Number(new URL(control.url).port) })).toBe('port_in_use');
    expect(await refusal({ host: '192.0.2.1' })).toBe('listen_failed');
  });

  test('refuses a PostgreSQL server that is not there', async () => {
    expect(await refusal({ store: 'postgres://127.0.0.1:9/none' })).toBe('store_unavailable');
  });

  test('publishes before it configures', async () => {
    const it = await startHarness({ bundle: new Uint8Array(7), audience: 'other' });
    expect(it.administered).toEqual(['publish 7', `configure ${issuer} other`]);
  });

  test('waits for the database, says so, and is reachable meanwhile', async () => {
    let refusals = 3;
    const ports = manualPorts();
    const starting = startHarness({
      ports,
      async configure() {
        refusals -= 1;
        if (refusals >= 0) throw new ControlError('database_unavailable', 'not up yet');
      },
    });
    let started = false;
    void starting.then(() => {
      started = true;
    });
    await waitUntil(() => {
      if (refusals < 3) ports.advance(500);
      return started;
    });
    const it = await starting;
    expect(it.administered.length).toBe(4);
    expect(it.log.filter((each) => each.includes('waiting for the database')).length).toBe(3);
  });

  test('gives up when its patience ends', async () => {
    const configure = async () => {
      throw new ControlError('database_unavailable', 'never up');
    };
    expect(await refusal({ configure, databasePatience: 0 })).toBe('database_unavailable');
  });
});

describe('database over HTTP', () => {
  const admin = (status: number, body: string) => {
    const asked: string[] = [];
    const http = async (request: { method: string; url: string }) => {
      asked.push(`${request.method} ${request.url}`);
      return { status, headers: {}, body };
    };
    return {
      asked,
      admin: createDatabaseAdmin({ http, uri: 'ws://host:3000/', database: 'db', ownerToken: async () => 't' }),
    };
  };

  test('asks what a SpacetimeDB server expects', async () => {
    const { asked, admin: good } = admin(200, '');
    await good.publish(new Uint8Array(1));
    await good.configure(issuer, 'a');
    expect(asked).toEqual([
      'PUT http://host:3000/v1/database/db?host_type=Js',
      'POST http://host:3000/v1/database/db/call/configure',
    ]);
  });

  test.each([
    [401, 'token', 'database_unavailable', 'database_unavailable'],
    [404, 'No such database.', 'database_unavailable', 'publish_refused'],
    [503, 'leader', 'database_unavailable', 'database_unavailable'],
    [530, new SyncError('forbidden', 'not the owner').message, 'database_refused', 'publish_refused'],
    [403, 'rejected', 'database_refused', 'publish_refused'],
    [400, 'bad', 'database_refused', 'publish_refused'],
  ])('reads status %d', async (status, body, configured, published) => {
    const { admin: one } = admin(status, body);
    await expect(one.configure(issuer, 'a')).rejects.toMatchObject({
      code: configured,
      message: expect.stringContaining(body),
    });
    await expect(one.publish(new Uint8Array(1))).rejects.toMatchObject({ code: published });
  });

  test('reports a server that does not answer', async () => {
    const http = async () => {
      throw new Error('refused');
    };
    const away = createDatabaseAdmin({ http, uri: 'http://host', database: 'db', ownerToken: async () => 't' });
    await expect(away.configure(issuer, 'a')).rejects.toMatchObject({ code: 'database_unavailable' });
  });
});
