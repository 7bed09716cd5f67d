// A provider with one relay of its own, and sockets that do what the test says.
import path from 'node:path';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { Bridge, type BridgeSettings } from '../../src/index.ts';
import { withFolder } from '../support/bridge-file.ts';
import { alice, bob, second, sign } from '../support/events.ts';
import { type FakeSocket, fakeSockets } from '../support/fake-sockets.ts';

const relay = 'wss://relay.test';
const [named, read] = ['wss://named.example', 'wss://read.example'];

async function withProvider(
  changes: Partial<BridgeSettings>,
  body: (world: {
    bridge: Bridge;
    ports: ReturnType<typeof manualPorts>;
    socket: (url: string) => FakeSocket | undefined;
    say: (subscription: string, event: unknown) => Promise<void>;
    finish: () => Promise<void>;
    results: (url: string) => number;
  }) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const ports = manualPorts({ start: second * 1000 });
    const { factory, sockets } = fakeSockets();
    let done: (text: string) => void = () => {};
    const bridge = await Bridge.open(
      { file: path.join(folder, 'bridge.sqlite'), relays: [relay], provider: { kinds: [5_050] }, ...changes },
      {
        ports,
        sockets: factory,
        signer: bob,
        // It ends at once: everything is checked in this thread.
        spawnVerifier: ({ ended }) => {
          queueMicrotask(() => ended());
          return { send: () => {}, terminate: async () => {} };
        },
        work: {
          quote: () => undefined,
          run: (_request, _job, _progress, signal) =>
            new Promise((resolve, reject) => {
              done = resolve;
              signal.addEventListener('abort', () => reject(new Error('stopped')));
            }),
        },
      },
    );
    const socket = (url: string) => sockets.find(({ request }) => request.url === url);
    const settle = async () => {
      for (let turn = 0; turn < 20; turn += 1) await ports.advanceAsync(0);
    };
    bridge.start();
    await settle();
    socket(relay)?.open();
    await settle();
    await body({
      bridge,
      ports,
      socket,
      say: async (subscription, event) => {
        socket(relay)?.say(['EVENT', subscription, event]);
        await settle();
      },
      finish: async () => {
        done('the result');
        await settle();
      },
      results: (url) =>
        (socket(url)?.sent ?? []).filter(
          ([type, event]) => type === 'EVENT' && (event as { kind: number }).kind === 6_050,
        ).length,
    });
    await bridge.close();
    expect(ports.pending).toBe(0);
  });
}

const request = sign({
  kind: 5_050,
  tags: [
    ['p', bob.pubkey],
    ['i', 'hi', 'text'],
    ['relays', named, 'ws://127.0.0.1:1'],
  ],
});
const list = sign({
  kind: 10_002,
  tags: [
    ['r', read, 'read'],
    ['r', 'wss://written.example', 'write'],
  ],
});

describe('answers of a provider', () => {
  test('V6 the list of a customer is asked for again by the next bridge, while its job is open', () =>
    withFolder(async (folder) => {
      const file = path.join(folder, 'shared.sqlite');
      await withProvider({ file }, ({ say }) => say('requests', request));
      await withProvider({ file }, async ({ socket }) => {
        expect(socket(relay)?.sent).toContainEqual(['REQ', 'lists', { kinds: [10_002], authors: [alice.pubkey] }]);
      });
    }));

  test('V3 V6 go to its own relays, to those that the request names, and to those that its customer reads', () =>
    withProvider({}, async ({ bridge, ports, socket, say, finish, results }) => {
      await say('requests', request);
      expect(socket(relay)?.sent.at(-1)).toEqual(['REQ', 'lists', { kinds: [10_002], authors: [alice.pubkey] }]);
      // What was said before the list came is not sent there later.
      expect(socket(read)).toBeUndefined();
      await say('lists', list);
      await finish();
      for (const url of [named, read]) socket(url)?.open();
      await ports.advanceAsync(0);
      expect([relay, named, read].map(results)).toEqual([1, 1, 1]);
      expect(bridge.status().visiting.map(({ url }) => url)).toEqual([named, read]);
      expect(bridge.status().deliveries.map(({ relay: url }) => url)).not.toContain('ws://127.0.0.1:1');
      // Its own relay alone decides whether the result counts as published.
      expect(bridge.status().standings).toMatchObject({ reached: 0, open: 2 });
      for (const [type, event] of socket(relay)?.sent ?? []) {
        if (type === 'EVENT') socket(relay)?.say(['OK', (event as { id: string }).id, true, '']);
      }
      await ports.advanceAsync(0);
      expect(bridge.status().standings).toMatchObject({ reached: 2, open: 0 });
    }));

  test.each<[string, Partial<BridgeSettings>]>([
    ['no visits are wanted', { visits: { maxVisitedRelays: 0 } }],
    ['no relays of customers are wanted', { visits: { maxRelaysPerAnswer: 0 } }],
  ])('V3 stay at its own relays where %s', (_what, changes) =>
    withProvider(changes, async ({ bridge, say, finish, results }) => {
      await say('requests', request);
      await say('lists', list);
      await finish();
      expect(results(relay)).toBe(1);
      expect(new Set(bridge.status().deliveries.map(({ relay: url }) => url))).toEqual(new Set([relay]));
    }),
  );

  test('V5 stay at its own relays while as much waits for visits as may', () =>
    withProvider({ visits: { maxWaiting: 1 } }, async ({ bridge, say, finish, results }) => {
      await say('requests', request);
      await finish();
      expect(results(relay)).toBe(1);
      // The first thing that was said took the place.
      const waiting = bridge.status().deliveries.filter(({ relay: url }) => url === named);
      expect(waiting).toMatchObject([{ number: 1 }]);
    }));
});
