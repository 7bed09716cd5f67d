import fs from 'node:fs';
import path from 'node:path';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { Bridge, type BridgeParts, type BridgeSettings, JobStore, openBridgeFile } from '../../src/index.ts';
import { codeOf, withFolder } from '../support/bridge-file.ts';
import { alice, bob, second, sign } from '../support/events.ts';
import { fakeSockets } from '../support/fake-sockets.ts';

const relay = 'wss://relay.test';
const both = { relays: [relay, 'wss://other.test'] };

function world() {
  const ports = manualPorts({ start: second * 1000 });
  const { factory, sockets } = fakeSockets();
  const parts: BridgeParts = {
    ports,
    sockets: factory,
    signer: alice,
    // No thread is needed where nothing comes in.
    spawnVerifier: ({ ended }) => ({ send: () => {}, terminate: async () => ended() }),
  };
  const open = (folder: string, more: Partial<BridgeSettings> = {}) =>
    Bridge.open({ file: path.join(folder, 'bridge.sqlite'), relays: [relay], ...more }, parts);
  return { ports, parts, sockets, open };
}

describe('Bridge', () => {
  test.each<[string, Partial<BridgeSettings>]>([
    ['a relay twice', { relays: [relay, `${relay}/`] }],
    ['no address of a relay', { relays: ['https://relay.test'] }],
    ['a quorum of more relays than there are', { quorum: { type: 'count', count: 2 } }],
    [
      'a quorum of more relays than it writes to',
      { ...both, writeRelays: [relay], quorum: { type: 'count', count: 2 } },
    ],
    ['a relay to read from that is none of its own', { readRelays: ['wss://other.test'] }],
    ['no relay to write to', { writeRelays: [] }],
    ['a relay for nothing', { ...both, readRelays: [relay], writeRelays: [relay] }],
    ['visits of no time', { visits: { visitMs: 0 } }],
    ['fewer visits than none', { visits: { maxVisitedRelays: -1 } }],
    ['a time of nothing', { signMs: 0 }],
    ['a number that is none', { mirror: { pageSize: Number.NaN } }],
    ['a provider without work', { provider: { kinds: [5_050] } }],
    ['a customer who waits for no time', { customer: { jobMs: -1 } }],
  ])('B2 %s is refused', (_what, more) =>
    withFolder(async (folder) => {
      expect(await codeOf(() => world().open(folder, more))).toBe('invalid_option');
      // Refused before the file is made, but for what only its parts can tell.
      if (more.provider === undefined) expect(fs.readdirSync(folder)).toEqual([]);
      const bridge = await world().open(folder);
      await bridge.close();
    }),
  );

  test('A2 A4 what is announced changes at run time, goes to its relays, and is told with how the bridge stands', () =>
    withFolder(async (folder) => {
      const { ports, sockets, open } = world();
      const bridge = await open(folder);
      bridge.announce({ id: 'desk', kinds: [5_050] });
      bridge.start();
      await ports.advanceAsync(0);
      sockets[0]?.open();
      await ports.advanceAsync(0);
      const events = () => (sockets[0]?.sent ?? []).filter(([type]) => type === 'EVENT').map(([, event]) => event);
      expect(events()).toMatchObject([
        {
          kind: 31_990,
          tags: [
            ['d', 'desk'],
            ['k', '5050'],
          ],
        },
      ]);
      expect(await codeOf(() => bridge.announce({ id: 'desk', kinds: [] }))).toBe('invalid_option');
      await ports.advanceAsync(2_000);
      bridge.announce(undefined);
      await ports.advanceAsync(0);
      expect(events()).toMatchObject([{ kind: 31_990 }, { kind: 5 }]);
      expect(bridge.status()).toMatchObject({
        kept: [
          { coordinate: `31990:${alice.pubkey}:desk`, state: 'withdrawn', published_at_ms: second * 1000 + 2_000 },
        ],
        upkeep: { published: 1, withdrawn: 1, failures: 0 },
      });
      await bridge.close();
      expect(ports.pending).toBe(0);
      expect(await codeOf(() => bridge.announce(undefined))).toBe('closed');
    }));

  test('B3 jobs of a role that the bridge has no more end at their time as well, and are removed', () =>
    withFolder(async (folder) => {
      const { ports, open } = world();
      const file = await openBridgeFile({ file: path.join(folder, 'bridge.sqlite'), as: 'owner' });
      const jobs = new JobStore(file, ports.clock);
      for (const role of ['provider', 'customer'] as const) {
        jobs.add(role, sign({ kind: 5_050, content: role }), bob.pubkey, second * 1000 + 10_000);
      }
      file.close();
      const bridge = await open(folder, { keepMs: 30_000 });
      bridge.start();
      await ports.advanceAsync(15_000);
      expect(bridge.status().jobs.map(({ role, state }) => [role, state])).toEqual([
        ['customer', 'expired'],
        ['provider', 'expired'],
      ]);
      await ports.advanceAsync(35_000);
      expect(bridge.status().jobs).toEqual([]);
      await bridge.close();
    }));

  test('J9 what providers ask for a job that names nobody is told, and paid by naming one of them', () =>
    withFolder(async (folder) => {
      const { open } = world();
      const bridge = await open(folder, { customer: { jobMs: 30_000 } });
      const request = { kind: 5_050, inputs: [], params: [], relays: [relay], isEncrypted: false };
      const job = await bridge.request('job', request);
      expect([job.provider, bridge.quotes(job.request_id), bridge.status().customer?.moved]).toEqual(['', [], 0]);
      expect(await codeOf(() => bridge.notePaid('customer', job.request_id, bob.pubkey))).toBe('job_refused');
      await bridge.close();
    }));

  test('V1 its own list is published where it writes, follows only where it reads, and is withdrawn when it is not wanted', () =>
    withFolder(async (folder) => {
      const { ports, sockets, open } = world();
      const sets = { ...both, readRelays: [relay], writeRelays: ['wss://other.test'], customer: { jobMs: 1_000 } };
      const sent = async (publishesRelayList?: boolean) => {
        const bridge = await open(folder, publishesRelayList === undefined ? sets : { ...sets, publishesRelayList });
        const before = sockets.length;
        bridge.start();
        for (const socket of sockets.slice(before)) socket.open();
        await ports.advanceAsync(0);
        for (const { sent: frames, say } of sockets.slice(before))
          for (const [type, event] of frames) if (type === 'EVENT') say(['OK', (event as { id: string }).id, true, '']);
        await ports.advanceAsync(0);
        await bridge.close();
        return sockets
          .slice(before)
          .map((socket) =>
            socket.sent.filter(([type]) => type !== 'CLOSE').map(([type, what]) => (type === 'EVENT' ? what : type)),
          );
      };
      expect(await sent()).toEqual([['REQ'], []]);
      const tags = [
        ['r', relay, 'read'],
        ['r', 'wss://other.test', 'write'],
      ];
      expect(await sent(true)).toMatchObject([['REQ'], [{ kind: 10_002, tags }]]);
      expect(await sent(true)).toEqual([['REQ'], []]);
      expect(await sent(false)).toMatchObject([
        ['REQ'],
        [
          {
            kind: 5,
            tags: [
              ['a', `10002:${alice.pubkey}:`],
              ['k', '10002'],
            ],
          },
        ],
      ]);
      expect(await sent(false)).toEqual([['REQ'], []]);
    }));

  test('A3 of a version that is replaced before it went out, nothing goes out any more', () =>
    withFolder(async (folder) => {
      const { ports, sockets, open } = world();
      const bridge = await open(folder);
      const told: string[] = [];
      bridge.onStanding((_id, standing) => told.push(standing));
      bridge.start();
      for (const kind of [5_050, 5_051]) {
        bridge.announce({ id: 'desk', kinds: [kind] });
        await ports.advanceAsync(1_000);
      }
      sockets[0]?.open();
      await ports.advanceAsync(0);
      expect(sockets[0]?.sent.filter(([type]) => type === 'EVENT')).toMatchObject([
        [
          'EVENT',
          {
            tags: [
              ['d', 'desk'],
              ['k', '5051'],
            ],
          },
        ],
      ]);
      expect(told).toEqual(['missed']);
      await bridge.close();
    }));

  test('B3 what has settled goes after its time, and the job of a customer ends at its time', () =>
    withFolder(async (folder) => {
      const { ports, sockets, open } = world();
      const bridge = await open(folder, { keepMs: 60_000, customer: { jobMs: 30_000 } });
      expect(await codeOf(() => bridge.notePaid('provider', 'x'))).toBe('unknown_job');
      bridge.start();
      await ports.advanceAsync(0);
      sockets[0]?.open();
      const { event } = await bridge.publish({ key: 'note', template: { kind: 1, tags: [], content: 'hello' } });
      await ports.advanceAsync(0);
      expect(sockets[0]?.sent.find(([type]) => type === 'EVENT')).toMatchObject(['EVENT', { id: event.id }]);
      sockets[0]?.say(['OK', event.id, true, '']);
      const request = {
        kind: 5_050,
        provider: bob.pubkey,
        inputs: [],
        params: [],
        relays: [relay],
        isEncrypted: false,
      };
      const job = await bridge.request('job', request);
      await ports.advanceAsync(1_000);
      expect(bridge.status()).toMatchObject({ standings: { reached: 1, open: 1 }, faults: 0 });
      expect(bridge.job('customer', job.request_id)?.state).toBe('offered');
      await ports.advanceAsync(40_000);
      expect(bridge.job('customer', job.request_id)?.state).toBe('expired');
      expect(bridge.status().standings.reached).toBe(1);
      await ports.advanceAsync(30_000);
      expect(bridge.status()).toMatchObject({ standings: { reached: 0 }, faults: 0, customer: { expired: 1 } });
      expect(bridge.job('customer', job.request_id)?.state).toBe('expired');
      await ports.advanceAsync(30_000);
      expect(bridge.job('customer', job.request_id)).toBeUndefined();
      await bridge.close();
      await bridge.close();
      expect(await codeOf(() => bridge.start())).toBe('closed');
      expect(ports.pending).toBe(0);
    }));

  test('B4 counting what a file holds gets a hundredth of the time', () =>
    withFolder(async (folder) => {
      const { parts } = world();
      // A clock of its own: every look at it takes 10 ms.
      let now = 0;
      const clock = { now: () => second * 1000, monotonic: () => (now += 10) };
      const file = path.join(folder, 'bridge.sqlite');
      const bridge = await Bridge.open({ file, relays: [relay] }, { ...parts, ports: { ...parts.ports, clock } });
      const open = () => bridge.status().standings.open;
      expect(open()).toBe(0);
      await bridge.publish({ key: 'note', template: { kind: 1, tags: [], content: 'hello' } });
      expect(open()).toBe(0);
      now += 1_000;
      expect(open()).toBe(1);
      await bridge.close();
    }));
});
