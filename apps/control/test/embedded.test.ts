import { buildBundle } from '@autopilot/autopilot-sync/bundle';
import { type EmbeddedHost, startEmbedded } from '@autopilot/spacetime-embedded';
import { extendChain, genesisChain, payloadHash } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { freePort } from '@autopilot/testing';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { SignJWT } from 'jose';
import { identityOf } from '../src/identity.ts';
import { openKeyRing } from '../src/issuer/key-ring.ts';
import { defaultRotation } from '../src/issuer/key-rotation.ts';
import { generateKey } from '../src/issuer/key-store.ts';
import { openStore } from '../src/store/open-store.ts';
import type { SigningKeyRow } from '../src/store/schema.ts';
import { atEnd } from './support/cleanup.ts';
import { cutoverClients } from './support/cutover-fixtures.ts';
import { compatible, eventsFor, type Harness, startHarness } from './support/harness.ts';
import { temporaryFolder } from './support/temporary-folder.ts';
import { waitUntil } from './support/wait-until.ts';

// Control against a host that verifies its tokens by discovery, as a SpacetimeDB server does.

const database = 'autopilot-test';
const hostData = temporaryFolder();
const dataDir = temporaryFolder();
let bundle: Uint8Array;
let issuer: string;
let host: EmbeddedHost;
let it: Harness;
let signer: SigningKeyRow;

async function startHost(port = 0): Promise<EmbeddedHost> {
  const owner = identityOf(issuer, 'control-owner');
  const listen = { host: '127.0.0.1', port };
  const started = await startEmbedded({ module: bundle, database, owner, listen, dataDir: hostData });
  atEnd(() => started.close());
  return started;
}

function startControlAt(spacetime: string): Promise<Harness> {
  const port = Number(new URL(issuer).port);
  return startHarness({ issuer, port, dataDir, spacetime, database, openGateway: undefined, clients: cutoverClients });
}

beforeAll(async () => {
  bundle = await buildBundle();
  issuer = `http://127.0.0.1:${await freePort()}`;
  // The keys are made beforehand, so that the test can sign as the owner and as a forger who has the key.
  const store = await openStore({ dataDir });
  await openKeyRing(store, systemPorts.clock, defaultRotation);
  signer = await store.db
    .selectFrom('signing_key')
    .selectAll()
    .where('state', '=', 'current')
    .executeTakeFirstOrThrow();
  await store.close();
  host = await startHost();
  it = await startControlAt(host.url);
}, 20_000);

/** A statement of the owner, who sees every table. */
async function sql(statement: string): Promise<unknown[][]> {
  const iat = Math.floor(Date.now() / 1_000);
  const token = await new SignJWT({ iss: issuer, sub: 'control-owner', aud: 'x', iat, exp: iat + 60 })
    .setProtectedHeader({ alg: 'ES256', kid: signer.kid })
    .sign(JSON.parse(signer.private_jwk));
  const response = await fetch(`${host.url}/v1/database/${database}/sql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: statement,
  });
  if (!response.ok) throw new Error(`sql: ${response.status} ${await response.text()}`);
  const [{ rows }] = (await response.json()) as [{ rows: unknown[][] }];
  return rows;
}

const status = async () => (await it.request('GET', '/v1/projections/status', { as: 'operator' })).body;
const post = (topic: string, from: number, count: number) =>
  it.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor(topic, from, count) } });

function chainOf(topic: string, count: number): string {
  return eventsFor(topic, 0, count).reduce(
    (chain, { kind, payload, idempotency_key }, index) =>
      extendChain(chain, { seq: BigInt(index + 1), kind, idempotency_key, payload_hash: payloadHash(payload) }),
    genesisChain(`runtime.${topic.replaceAll(':', '.')}`),
  );
}

describe('control with an embedded host', () => {
  test('posted events are in the database, in order, with the chain that the module keeps', async () => {
    expect((await it.request('GET', '/healthz')).body.sink.state).toMatch(/connecting|live/);
    for (let from = 0; from < 300; from += 100) {
      expect((await post('run:1', from, 100)).status).toBe(202);
      expect((await post('run:2', from, 100)).status).toBe(202);
    }
    await waitUntil(async () => (await status()).delivered === 600);
    const rows = await sql("SELECT seq, idempotency_key, payload FROM sync_event WHERE stream_id = 'runtime.run.1'");
    expect(rows.sort(([a], [b]) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 300 }, (_, index) => [index + 1, `k${index}`, `{"n":${index}}`]),
    );
    const heads = await sql('SELECT stream_id, epoch, head, head_chain FROM sync_stream');
    const { streams, duplicates } = await status();
    expect(duplicates).toBe(0);
    for (const id of ['runtime.run.1', 'runtime.run.2']) {
      const [, epoch, head, chain] = heads.find(([streamId]) => streamId === id) ?? [];
      expect(streams).toContainEqual(
        expect.objectContaining({ stream_id: id, epoch, last_seq: `${head}`, chain, delivered: 300 }),
      );
      expect(chain).toBe(chainOf(id.slice('runtime.'.length).replaceAll('.', ':'), 300));
    }
  });

  test('the binding probe finds the module by its schema, and the protocol that was negotiated', async () => {
    const plan = async () => (await it.request('POST', '/v1/cutover/plan', { as: 'anna', body: { to: 3 } })).body.plan;
    const binding = async () => (await plan()).requirements.find((each: { id: string }) => each.id === 'binding');
    await waitUntil(async () => (await binding()).status === 'met');
    expect((await binding()).seen).toContain('bsatn.spacetimedb');
    expect((await plan()).environment.module_schema).toMatch(/^sha256:[0-9a-f]{64}$/);
    const rows = await sql("SELECT epoch FROM sync_stream WHERE stream_id = 'runtime.run.1'");
    const store = await it.request('GET', '/v1/projections/status', { as: 'operator' });
    const own = store.body.streams.find((each: { stream_id: string }) => each.stream_id === 'runtime.run.1');
    // Version 4: control's own, not one of the module's, which are of version 7.
    expect(own.epoch).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    expect(rows).toEqual([[own.epoch]]);
  });

  test('a client token opens exactly what was granted', async () => {
    const { body } = await it.request('POST', '/v1/sync/token', {
      as: 'narrow',
      body: { ...compatible, streams: ['runtime.run.1'] },
    });
    expect(body.identity).toBe(identityOf(issuer, 'user-narrow'));
    const open = async (streamId: string, token = body.token) => {
      const response = await fetch(`${body.uri}/v1/database/${body.database}/call/read_page`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify([streamId, '', 0, 10]),
      });
      return { status: response.status, text: await response.text() };
    };
    const mine = await open('runtime.run.1');
    expect(mine.status).toBe(200);
    expect(JSON.parse(mine.text)[0]).toBe('ok');
    expect(JSON.parse((await open('runtime.run.2')).text)[0]).toBe('denied');

    const foreign = await generateKey('current', 0);
    const iat = Math.floor(Date.now() / 1_000);
    const claims = { iss: issuer, sub: 'user-desktop', aud: 'autopilot-sync', scope: 'sync.subscribe', iat };
    const sign = (payload: object, key: { kid: string; private_jwk: string }) =>
      new SignJWT({ ...payload }).setProtectedHeader({ alg: 'ES256', kid: key.kid }).sign(JSON.parse(key.private_jwk));
    expect((await open('runtime.run.1', await sign({ ...claims, exp: iat + 60 }, foreign))).status).toBe(401);
    const forged = await sign({ ...claims, exp: iat + 60 }, { ...foreign, kid: signer.kid });
    expect((await open('runtime.run.1', forged)).status).toBe(401);
    expect((await open('runtime.run.1', await sign({ ...claims, exp: iat - 600 }, signer))).status).toBe(401);
    // The host does not look at these; the module does.
    expect((await open('runtime.run.1', await sign(claims, signer))).status).toBe(403);
    expect((await open('runtime.run.1', await sign({ ...claims, aud: 'other', exp: iat + 60 }, signer))).status).toBe(
      403,
    );
  });

  test('what is accepted while the host is away is delivered when it is back', async () => {
    const port = host.port;
    await host.close();
    await waitUntil(async () => (await it.request('GET', '/healthz')).body.sink.state !== 'live');
    expect((await post('run:3', 0, 50)).status).toBe(202);
    expect((await it.request('GET', '/healthz')).body).toMatchObject({ status: 'degraded', outbox: { pending: 50 } });
    host = await startHost(port);
    await waitUntil(async () => (await status()).pending === 0);
    expect((await sql("SELECT seq FROM sync_event WHERE stream_id = 'runtime.run.3'")).length).toBe(50);
    const { text } = await it.request('GET', '/metrics');
    expect(text).toMatch(/^cutover_session_connections_total [2-9]/m);
    expect(Number(/^cutover_session_token_expiry_timestamp_seconds (.+)$/m.exec(text)?.[1])).toBeGreaterThan(
      Date.now() / 1_000,
    );
  });

  test('a restart of control goes on where it was', async () => {
    await post('run:4', 0, 20);
    await waitUntil(async () => (await status()).pending === 0);
    await it.control.close();
    it = await startControlAt(host.url);
    await post('run:4', 20, 5);
    await waitUntil(async () => (await status()).pending === 0);
    const stream = () =>
      status().then((all) => all.streams.find((each: { stream_id: string }) => each.stream_id === 'runtime.run.4'));
    expect(await stream()).toMatchObject({ last_seq: '25', chain: chainOf('run:4', 25), duplicates: 0 });
  });

  test('another owner cannot configure the database, and control says so', async () => {
    const port = await freePort();
    const other = `http://127.0.0.1:${port}`;
    const start = startHarness({ issuer: other, port, spacetime: host.url, database, openGateway: undefined });
    await expect(start).rejects.toMatchObject({ code: 'database_refused' });
    // Nothing of it is left listening.
    await expect(fetch(`${other}/healthz`)).rejects.toThrow('fetch failed');
  });

  test('publishes the module itself when it is told to', async () => {
    const port = await freePort();
    const own = `http://127.0.0.1:${port}`;
    const empty = await startEmbedded({
      database: 'fresh',
      owner: identityOf(own, 'control-owner'),
      listen: { host: '127.0.0.1', port: 0 },
    });
    const fresh = await startHarness({
      issuer: own,
      port,
      spacetime: empty.url,
      database: 'fresh',
      bundle,
      openGateway: undefined,
    });
    await fresh.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor('run:1', 0, 3) } });
    const delivered = async () =>
      (await fresh.request('GET', '/v1/projections/status', { as: 'operator' })).body.delivered === 3;
    await waitUntil(delivered);
    await fresh.control.close();
    await empty.close();
  });
});
