import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { clientMessage } from '../src/conformance/client-message.ts';
import { type EmbeddedHost, type StartEmbeddedOptions, startEmbedded } from '../src/start-embedded.ts';
import { bundleText } from './support/bundle.ts';
import { RawClient } from './support/raw-client.ts';

const source = `
  import { Range, schema, t, table } from 'spacetimedb/server';
  const thing = table({ public: true }, { id: t.u64().primaryKey().autoInc(), rank: t.u32().index('btree') });
  const spacetimedb = schema({ thing });
  export default spacetimedb;
  let count = 0;
  const ranks = t.array(t.u32());
  export const fill = spacetimedb.reducer({ rows: t.u32() }, (ctx, { rows }) => {
    for (let rank = 0; rank < rows; rank += 1) ctx.db.thing.insert({ id: 0n, rank });
  });
  export const scanned = spacetimedb.procedure(ranks, (ctx) =>
    ctx.withTx((tx) => [...tx.db.thing.iter()].map(({ rank }) => rank)));
  export const ranged = spacetimedb.procedure(ranks, (ctx) =>
    ctx.withTx((tx) => {
      const all = new Range({ tag: 'included', value: 0 }, { tag: 'unbounded' });
      return [...tx.db.thing.rank.filter(all)].map(({ rank }) => rank);
    }));
  export const counted = spacetimedb.procedure(t.u32(), () => { count += 1; return count; });
  export const time = spacetimedb.procedure(t.i64(), (ctx) => ctx.timestamp.microsSinceUnixEpoch);
`;

let module: Uint8Array;
let dataDir: string;
let host: EmbeddedHost | undefined;
let client: RawClient | undefined;

beforeAll(async () => {
  module = await bundleText(source);
});
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'fidelity-'));
});
afterEach(async () => {
  client?.close();
  await host?.close();
  client = undefined;
  host = undefined;
  rmSync(dataDir, { recursive: true });
});

async function start(more: Partial<StartEmbeddedOptions> = {}): Promise<EmbeddedHost> {
  host = await startEmbedded({ module, database: 'test-db', listen: '127.0.0.1:0', ...more });
  return host;
}
async function call({ url }: EmbeddedHost, name: string, ...args: readonly unknown[]) {
  const headers = { 'content-type': 'application/json' };
  const path = `${url}/v1/database/test-db/call/${name}`;
  const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(args) });
  expect(response.status).toBe(200);
  const text = await response.text();
  return text === '' ? undefined : JSON.parse(text);
}
async function rows({ url }: EmbeddedHost): Promise<number[][]> {
  const path = `${url}/v1/database/test-db/sql?confirmed=false`;
  const response = await fetch(path, { method: 'POST', body: 'SELECT * FROM thing' });
  return JSON.parse(await response.text())[0].rows;
}

test('W16 shuffled scans give a table in another order each time, and an index in its own', async () => {
  const shuffled = await start({ fidelity: { shuffleScans: true } });
  await call(shuffled, 'fill', 50);
  const inOrder = Array.from({ length: 50 }, (_, rank) => rank);
  const scans: number[][] = [await call(shuffled, 'scanned'), await call(shuffled, 'scanned')];
  for (const scan of scans) {
    expect(scan).not.toEqual(inOrder);
    expect([...scan].sort((one, other) => one - other)).toEqual(inOrder);
  }
  expect(scans[0]).not.toEqual(scans[1]);
  expect(await call(shuffled, 'ranged')).toEqual(inOrder);
});

test('W16 a fresh realm after a number of calls forgets what the module keeps in globals, and no row', async () => {
  const forgetful = await start({ fidelity: { freshRealmPerCalls: 3 } });
  const counts: number[] = [];
  for (let index = 0; index < 7; index += 1) counts.push(await call(forgetful, 'counted'));
  expect(counts).toEqual([1, 2, 3, 1, 2, 3, 1]);
  await call(forgetful, 'fill', 1);
  for (let index = 0; index < 4; index += 1) await call(forgetful, 'counted');
  expect(await rows(forgetful)).toHaveLength(1);
});

test('W16 the module sees the time of the clock that the host was given', async () => {
  let now = 1_700_000_000_000;
  const timed = await start({ clock: { now: () => now, monotonic: () => now } });
  expect(await call(timed, 'time')).toBe(1_700_000_000_000_000);
  now += 3_600_000;
  expect(await call(timed, 'time')).toBe(1_700_003_600_000_000);
});

test('W16 with a late sync readers of confirmed data wait for it, and others do not', async () => {
  const ports = manualPorts();
  // No client is to be given up while the time is moved.
  const limits = { pingInterval: 1e9, idleTimeout: 1e9 };
  const late = await start({ ports, dataDir, limits, durability: { syncDelayMs: 2_000 } });
  client = new RawClient(late.url);
  const hasty = new RawClient(late.url, { query: 'compression=None&confirmed=false' });
  await Promise.all([client, hasty].map(({ socket }) => once(socket, 'open')));
  for (const one of [client, hasty]) one.send(clientMessage.subscribe(1, 1, 'SELECT * FROM thing'));
  await hasty.next('SubscribeApplied');
  // The connects are commits of their own: nobody reads them, and the snapshot still waits for them.
  await tick(
    () => ports.advance(2_000),
    () => client?.seen.some(({ type }) => type === 'SubscribeApplied') === true,
  );
  await call(late, 'fill', 1);
  await hasty.next('TransactionUpdate');
  // A round trip later the other one still has nothing.
  hasty.send(clientMessage.oneOff(2, 'SELECT * FROM thing'));
  await hasty.next('OneOffQueryResult');
  expect(client.seen.map(({ type }) => type)).not.toContain('TransactionUpdate');
  await tick(
    () => ports.advance(2_000),
    () => client?.seen.some(({ type }) => type === 'TransactionUpdate') === true,
  );
  hasty.close();
});

test('W16 a restart leaves a gap in a sequence, as on a server', async () => {
  const first = await start({ dataDir });
  await call(first, 'fill', 1);
  await first.close();
  const second = await start({ dataDir });
  await call(second, 'fill', 1);
  expect((await rows(second)).map(([id]) => id).sort()).toEqual([1, 4097]);
});

test('W13 a module that is reloaded closes its clients with 1001 and loses its globals, and no row', async () => {
  const reloaded = await start();
  await call(reloaded, 'fill', 2);
  expect(await call(reloaded, 'counted')).toBe(1);
  expect(await call(reloaded, 'counted')).toBe(2);
  client = new RawClient(reloaded.url);
  await client.next('InitialConnection');
  await reloaded.faults.reloadModule();
  expect(await client.closed).toEqual({ code: 1001, reason: 'module exited' });
  expect(await call(reloaded, 'counted')).toBe(1);
  expect(await rows(reloaded)).toHaveLength(2);
});

/** Does something again, with turns for the disk and the network between, until it has had its effect. */
async function tick(act: () => void, isDone: () => boolean): Promise<void> {
  for (let tries = 0; !isDone(); tries += 1) {
    if (tries === 10_000) throw new Error('it has no effect');
    act();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
