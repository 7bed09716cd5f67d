import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { draftEvent, type SyncEvent } from '@autopilot/sync-contract';
import { type Relay, startRelay } from '@autopilot/testing/nostr';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type BridgeSettings, emptyJournal, type Journal } from '../../src/index.ts';
import { withFolder } from '../support/bridge-file.ts';
import { isAlive, nicenessOf } from '../support/children.ts';
import { bridgeProcess, closeBridges, until } from '../support/bridge-processes.ts';
import { alice, bob, keyOf, sign } from '../support/events.ts';
import type { BridgeFault } from './bridge-child.ts';

// Processes load and compile everything they run; on a busy machine that takes its time.
jest.setTimeout(120_000);

let relays: Relay[];

beforeAll(async () => {
  relays = [await startRelay(), await startRelay()];
});
afterEach(() => closeBridges());
afterAll(async () => {
  await Promise.all(relays.map((relay) => relay.close()));
});

const settingsIn = (folder: string, more: Partial<BridgeSettings> = {}): BridgeSettings => ({
  file: path.join(folder, 'bridge.sqlite'),
  relays: relays.map(({ url }) => url),
  quorum: { type: 'all' },
  relay: { backoff: { floorMs: 5, baseMs: 10, capMs: 50 } },
  mirror: { pollMs: 20 },
  ...more,
});

const child = (settings: BridgeSettings, fault: BridgeFault = 'none') => ({ settings, secretKey: keyOf('bob'), fault });

const note = (content: string) => ({ key: content, template: { kind: 1, tags: [], content } });
const contents = (relay: Relay | undefined) => relay?.stored().map(({ content }) => content) ?? [];

describe('a bridge in a real process', () => {
  test('B1 publishes, mirrors what the policy lets out, and a new process goes on where it was', () =>
    withFolder(async (folder) => {
      const events = Array.from(
        { length: 5 },
        (_, n): SyncEvent => ({
          ...draftEvent({ stream_id: 's', kind: 'tick', payload: { n }, idempotency_key: `${n}` }),
          epoch: 'e',
          seq: BigInt(n + 1),
          committed_at: 0n,
        }),
      );
      const journal: Journal = {
        streams: () => ['s'],
        read: (_stream, after, limit) => {
          const from = Number(after?.seq ?? 0n);
          return { epoch: 'e', events: events.slice(from, from + limit), more: events.length > from + limit };
        },
      };
      const first = bridgeProcess(child(settingsIn(folder)), journal);
      first.start();
      await until(() => first.status().state === 'running');
      await expect(first.publish(note('from its owner'))).resolves.toMatchObject({ isRepeated: false });
      await until(() => contents(relays[1]).includes('from its owner'));
      await until(() => contents(relays[0]).filter((text) => text.startsWith('{"n"')).length === 5);
      await until(() => first.status().bridge?.standings.reached === 6);
      expect(first.status()).toMatchObject({ bridge: { pubkey: bob.pubkey, mirror: { mirrored: 5 } }, ended_here: 0 });
      await expect(first.publish({ key: 'x', template: { kind: -1, tags: [], content: '' } })).rejects.toMatchObject({
        code: 'invalid_event',
      });
      await first.close();

      await Promise.all(relays.map((relay) => relay.stop()));
      const second = bridgeProcess(child(settingsIn(folder)), journal);
      second.start();
      await until(() => second.status().state === 'running');
      await expect(second.publish(note('while they were away'))).resolves.toMatchObject({ isRepeated: false });
      await second.close();
      await Promise.all(relays.map((relay) => relay.resume()));
      const third = bridgeProcess(child(settingsIn(folder)), journal);
      third.start();
      await until(() => contents(relays[0]).includes('while they were away'));
      // The journal was read to its end by the first one.
      expect(contents(relays[0]).filter((text) => text.startsWith('{"n"'))).toHaveLength(5);
      await third.close();
    }));

  test('B1 answers a request of a customer', () =>
    withFolder(async (folder) => {
      const provider = { kinds: [5_050], pollMs: 50 };
      const supervised = bridgeProcess(child(settingsIn(folder, { provider })), emptyJournal);
      supervised.start();
      await until(() => relays.every((relay) => relay.connections > 0) && supervised.status().state === 'running');
      const tags = [
        ['i', 'whisper', 'text'],
        ['p', bob.pubkey],
      ];
      const request = sign({ kind: 5_050, created_at: Math.floor(Date.now() / 1000), tags }, alice);
      await publishTo(relays[0]?.url ?? '', request);
      const results = (relay: Relay) =>
        relay.stored().filter(({ kind, tags }) => kind === 6_050 && tags.some(([, id]) => id === request.id));
      await until(() => relays.every((relay) => results(relay).length === 1));
      expect(relays.map((relay) => results(relay)[0]?.content)).toEqual(['WHISPER', 'WHISPER']);
      await until(() => supervised.status().bridge?.jobs.some(({ state }) => state === 'done') ?? false);
      await supervised.close();
    }));

  test('T6 a file that another bridge has open is told of, and taken when it is free', () =>
    withFolder(async (folder) => {
      const first = bridgeProcess(child(settingsIn(folder)), emptyJournal);
      first.start();
      await until(() => first.status().state === 'running');
      const second = bridgeProcess(child(settingsIn(folder)), emptyJournal);
      second.start();
      await until(() => second.status().last_end?.startsWith('locked') ?? false);
      await first.close();
      await until(() => second.status().state === 'running');
      await second.close();
    }));

  // Where there is a /proc to see it in.
  (existsSync('/proc/self/stat') ? test.each : test.skip.each)(['none', 'hangs'] as const)(
    'T8 T9 all of its threads have a lower priority, and a bridge with the fault %s ends with its owner',
    (fault) =>
      withFolder(async (folder) => {
        const file = path.join(folder, 'bridge.sqlite');
        const script = path.join(import.meta.dirname, 'owner-child.ts');
        const flags = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning'];
        const owner = spawn(process.execPath, [...flags, script, file, fault], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        try {
          const [line] = await once(createInterface(owner.stdout), 'line');
          const pid = Number(line);
          const niceness = nicenessOf(pid);
          expect(niceness).toEqual(niceness.map(() => Math.min(19, os.getPriority() + 10)));
          expect(niceness.length).toBeGreaterThan(1);
          owner.kill('SIGKILL');
          await until(() => !isAlive(pid));
        } finally {
          owner.kill('SIGKILL');
        }
      }),
  );

  test.each([
    ['hangs', /said nothing/],
    ['grows on its heap', /heap out of memory/],
    ['grows beside it', /beside its heap/],
    ['dies later', /a defect of the bridge/],
    ['dies at its start', /a defect of the bridge/],
  ] as const)('T3 T4 a bridge that %s is begun again, and its owner is told why', (fault, why) =>
    withFolder(async (folder) => {
      const supervised = bridgeProcess(
        child(settingsIn(folder), fault),
        emptyJournal,
        fault === 'hangs' ? { silenceMs: 1_500 } : {},
      );
      supervised.start();
      const ends = new Set<string>();
      await until(() => {
        const { last_end, starts } = supervised.status();
        if (last_end !== undefined) ends.add(last_end);
        return starts >= 2;
      });
      expect([...ends].join('\n')).toMatch(why);
      await supervised.close();
    }),
  );
});

async function publishTo(url: string, event: unknown): Promise<void> {
  const socket = new WebSocket(url);
  await new Promise((resolve) => socket.addEventListener('open', resolve));
  const answer = new Promise<string>((resolve) => socket.addEventListener('message', ({ data }) => resolve(`${data}`)));
  socket.send(JSON.stringify(['EVENT', event]));
  expect(JSON.parse(await answer).slice(0, 3)).toEqual(['OK', (event as { id: string }).id, true]);
  socket.close();
}
