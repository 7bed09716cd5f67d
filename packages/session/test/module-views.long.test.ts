import { draftEvent, payloadHash } from '@autopilot/sync-contract';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type Assignment,
  type Capability,
  decodeAssignment,
  decodeCapability,
  decodeMyNostrKey,
  decodeNostrKey,
  decodePendingBridgeEvent,
  decodePresentNostrKey,
  type PendingBridgeEvent,
  reducers,
  viewQueries,
} from '../src/index.ts';
import { type Client, Embedded, until } from './support/embedded.ts';

const scope = 'sync.subscribe sync.append sync.admin sync.bridge sync.compute';
const stream = 'runtime.test.views';
let world: Embedded;
let admin: Client;
let bridge: Client;

beforeAll(async () => {
  world = await Embedded.start();
  admin = world.client('admin', { scope });
  bridge = world.client('bridge', { scope: 'sync.subscribe sync.bridge sync.compute' });
  for (const { session } of [admin, bridge]) session.start();
  const draft = draftEvent({ stream_id: stream, kind: 'tick', payload: 1, idempotency_key: '1' });
  await admin.session.appendSyncEvent(draft);
  for (const { identity } of [admin, bridge]) await admin.session.grantStream(identity, stream, 'reader');
});
afterAll(async () => {
  await world.close();
});

const call = ({ session }: Client, { reducer, args }: { reducer: string; args: Uint8Array }) =>
  session.call(reducer, args);
const enqueue = (event_id: string, payload: unknown = { event_id }) =>
  admin.session.enqueueBridgeEvent({
    event_id,
    transport: 'nostr',
    payload: JSON.stringify(payload),
    payload_hash: payloadHash(payload),
  });
const inMicros = (time: bigint) => Math.abs(Number(time) / 1_000 - Date.now()) < 60_000;

describe('I28: the views of the module in the embedded host', () => {
  test('pending bridge events come and go as they are enqueued and settled, over a cut too', async () => {
    const seen = { inserts: [] as string[], deletes: [] as string[] };
    const pending = bridge.session.subscribe<PendingBridgeEvent>(
      [viewQueries.bridgePending],
      {
        batch: ({ changes }) => {
          for (const { inserts, deletes } of changes) {
            seen.inserts.push(...inserts.map(({ event_id }) => event_id));
            seen.deletes.push(...deletes.map(({ event_id }) => event_id));
          }
        },
      },
      (_view, row) => decodePendingBridgeEvent(row.readRest()),
    );
    const ids = () =>
      pending
        .rows('bridge_pending')
        .map(({ event_id }) => event_id)
        .sort();
    await until(() => pending.state === 'applied');
    await enqueue('e1');
    expect(ids()).toEqual([]);
    await admin.session.grantStream(bridge.identity, 'bridge.outbox', 'reader');
    await until(() => ids().length === 1);
    const [row] = pending.rows('bridge_pending');
    expect(row).toEqual({
      event_id: 'e1',
      transport: 'nostr',
      payload: '{"event_id":"e1"}',
      payload_hash: payloadHash({ event_id: 'e1' }),
      created_at: expect.any(BigInt),
    });
    expect(inMicros(row?.created_at ?? 0n)).toBe(true);
    for (const id of ['e2', 'e3', 'e4']) await enqueue(id);
    await until(() => ids().length === 4);
    await bridge.session.markBridgeEventSent('e1', 'receipt');
    await bridge.session.refuseBridgeEvent('e2', 'not for relays');
    await until(() => ids().join() === 'e3,e4');
    expect(seen).toEqual({ inserts: ['e1', 'e2', 'e3', 'e4'], deletes: ['e1', 'e2'] });
    // Settled is settled: again it changes nothing, and the other way round it is refused or nothing.
    await bridge.session.markBridgeEventSent('e1', 'another');
    await bridge.session.refuseBridgeEvent('e1', 'too late');
    await expect(bridge.session.markBridgeEventSent('e2', 'r')).rejects.toMatchObject({
      name: 'SyncError',
      code: 'invalid_request',
    });
    await expect(bridge.session.refuseBridgeEvent('none', '')).rejects.toMatchObject({ code: 'invalid_request' });
    world.host.faults.dropConnections();
    await admin.session.refuseBridgeEvent('e3', 'while the other connection was away');
    await until(() => ids().join() === 'e4');
    await admin.session.revokeStream(bridge.identity, 'bridge.outbox');
    await until(() => ids().length === 0);
    pending.end();
  }, 20_000);

  test('assignments come to their parties, version by version', async () => {
    const changes: [string, bigint][] = [];
    const assignments = bridge.session.subscribe<Assignment>(
      [viewQueries.myAssignments],
      {
        batch: (batch) => {
          for (const { inserts } of batch.changes) {
            changes.push(...inserts.map(({ status, version }): [string, bigint] => [status, version]));
          }
        },
      },
      (_view, row) => decodeAssignment(row.readRest()),
    );
    await call(admin, reducers.openComputeAssignment('a1', bridge.identity, stream, '{"job":1}'));
    await call(bridge, reducers.updateComputeAssignment('a1', 1n, 'accepted', '{}'));
    await until(() => changes.length >= 2);
    const [row] = assignments.rows('my_assignments');
    expect(row).toEqual({
      assignment_id: 'a1',
      requester: admin.identity,
      provider: bridge.identity,
      stream_id: stream,
      status: 'accepted',
      detail: '{}',
      version: 2n,
      created_at: expect.any(BigInt),
      updated_at: expect.any(BigInt),
    });
    expect(inMicros(row?.created_at ?? 0n) && inMicros(row?.updated_at ?? 0n)).toBe(true);
    expect(changes.at(-1)).toEqual(['accepted', 2n]);
    assignments.end();
  });

  test('capabilities come to holders of a grant', async () => {
    const capabilities = bridge.session.subscribe<Capability>(
      [viewQueries.capabilities],
      { batch: () => {} },
      (_view, row) => decodeCapability(row.readRest()),
    );
    await call(admin, reducers.publishProviderCapability('render', '{"gpu":1}', 3_600));
    await until(() => capabilities.rows('capabilities').length === 1);
    const [row] = capabilities.rows('capabilities');
    expect(row).toEqual({
      identity: admin.identity,
      capability: 'render',
      detail: '{"gpu":1}',
      updated_at: expect.any(BigInt),
      expires_at: (row?.updated_at ?? 0n) + 3_600_000_000n,
    });
    expect(inMicros(row?.updated_at ?? 0n)).toBe(true);
    capabilities.end();
  });

  test('Nostr keys come to their owner, and to who carries bridge events', async () => {
    const ada = world.client('ada', { scope: 'sync.subscribe sync.presence' });
    ada.session.start();
    const carrier = world.client('carrier', { scope: 'sync.subscribe sync.bridge' });
    carrier.session.start();
    const silent = { batch: () => {} };
    const mine = ada.session.subscribe([viewQueries.myNostrKeys], silent, (_view, row) =>
      decodeMyNostrKey(row.readRest()),
    );
    const all = carrier.session.subscribe([viewQueries.nostrKeys], silent, (_view, row) =>
      decodeNostrKey(row.readRest()),
    );
    const [pubkey, proof] = ['a'.repeat(64), 'b'.repeat(64)];
    await call(admin, reducers.bindNostrKey(ada.identity, pubkey, proof));
    await until(() => mine.rows('my_nostr_keys').length === 1);
    const [row] = mine.rows('my_nostr_keys');
    expect(row).toEqual({ pubkey, proof, bound_at: expect.any(BigInt) });
    expect(inMicros(row?.bound_at ?? 0n)).toBe(true);
    expect(all.rows('nostr_keys')).toEqual([]);
    await admin.session.grantStream(carrier.identity, 'bridge.outbox', 'reader');
    await until(() => all.rows('nostr_keys').length === 1);
    expect(all.rows('nostr_keys')).toEqual([{ pubkey, identity: ada.identity }]);
    const present = carrier.session.subscribe([viewQueries.streamNostrPresence], silent, (_view, row) =>
      decodePresentNostrKey(row.readRest()),
    );
    for (const { identity } of [ada, carrier]) await admin.session.grantStream(identity, stream, 'reader');
    const entry = { stream_id: stream, status: 'here', detail: '{}', ttl_seconds: 60 };
    for (const session_id of ['one', 'two']) await ada.session.upsertPresence({ ...entry, session_id });
    await until(() => present.rows('stream_nostr_presence').length > 0);
    expect(present.rows('stream_nostr_presence')).toEqual([{ stream_id: stream, pubkey, identity: ada.identity }]);
    const taken = call(admin, reducers.bindNostrKey(bridge.identity, pubkey, proof));
    await expect(taken).rejects.toMatchObject({ name: 'SyncError', code: 'conflict' });
    await call(admin, reducers.unbindNostrKey(ada.identity, pubkey));
    await until(() => mine.rows('my_nostr_keys').length === 0 && all.rows('nostr_keys').length === 0);
    await until(() => present.rows('stream_nostr_presence').length === 0);
    await Promise.all([ada, carrier].map(({ session }) => session.close()));
  });
});
