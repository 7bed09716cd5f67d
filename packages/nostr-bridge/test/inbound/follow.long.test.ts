// Overlap against a real relay, which loses what a REQ overtakes, and against hostile ones.
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { waitFor } from '@autopilot/testing';
import { startHostileRelay, startRelay } from '@autopilot/testing/nostr';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import {
  type BridgeFile,
  follow,
  Inbound,
  nodeRelaySockets,
  nodeVerifyWorkers,
  Relay,
  SeenSet,
  WorkerVerifier,
} from '../../src/index.ts';
import { codeOf, withFile } from '../support/bridge-file.ts';
import { sign } from '../support/events.ts';

// Real relays and threads, which a busy machine starts late.
jest.setTimeout(60_000);

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});
function keep<T extends { close(): unknown }>(one: T): T {
  opened.push(one);
  return one;
}

const now = () => Math.floor(Date.now() / 1000);
const backoff = { floorMs: 10, baseMs: 20, capMs: 50 };

async function bridge(file: BridgeFile, url: string, noteMs = 1_000) {
  const verifier = keep(
    new WorkerVerifier({ ports: systemPorts, spawn: nodeVerifyWorkers, workers: 1, batchMs: 20_000 }),
  );
  const taken: string[] = [];
  const inbound = new Inbound({
    file,
    ports: systemPorts,
    verifier,
    seen: new SeenSet(file, 1_000),
    accept: ({ content }) => void taken.push(content),
  });
  keep(inbound);
  const settings = { backoff, breaker: { threshold: 100, cooldown: backoff } };
  const relay = keep(new Relay(url, { ports: systemPorts, sockets: nodeRelaySockets(1 << 20), settings }));
  const filters = [{ kinds: [1] }];
  const cancel = follow({
    file,
    ports: systemPorts,
    relay,
    inbound,
    name: 'notes',
    filters,
    from: now() - 600,
    overlapSeconds: 120,
    noteMs,
  });
  keep({ close: cancel });
  relay.start();
  return { relay, inbound, taken };
}
const publisher = async (url: string) => {
  const relay = keep(new Relay(url, { ports: systemPorts, sockets: nodeRelaySockets(1 << 20) }));
  relay.start();
  await waitFor(() => relay.state === 'open', { describe: 'the publisher' });
  return (content: string, created_at = now()) => relay.publish(sign({ content, created_at }));
};

describe('following a relay', () => {
  test('I9 takes what the relay accepted while it was serving the REQ, and what is of the same second or back-dated after a cut', async () => {
    const server = keep(await startRelay());
    const publish = await publisher(server.url);
    await publish('before');
    let open = () => {};
    let isServing = false;
    server.onFind(async () => {
      if (isServing) return;
      isServing = true;
      await new Promise<void>((resolve) => {
        open = resolve;
      });
    });
    await withFile(async (file) => {
      const { taken, relay } = await bridge(file, server.url);
      await waitFor(() => isServing, { describe: 'the REQ' });
      await publish('between');
      open();
      await waitFor(() => taken.length === 2, { describe: () => `before and between, not ${taken}` });
      const at = now();
      await publish('live', at);
      await waitFor(() => taken.length === 3, { describe: 'the live event' });
      const losses = relay.counters.losses;
      server.cut();
      await waitFor(() => relay.counters.losses > losses, { describe: 'the cut' });
      const again = await publisher(server.url);
      await again('same second', at);
      await again('back-dated', at - 60);
      await waitFor(() => taken.length === 5, { describe: () => `five, not ${taken}` });
      expect(new Set(taken)).toEqual(new Set(['before', 'between', 'live', 'same second', 'back-dated']));
      for (const one of opened.splice(1).reverse()) await one.close();
    });
  });

  test('I9 goes on after a restart from the last moment at which it was live, and takes nothing twice', async () => {
    const server = keep(await startRelay());
    const publish = await publisher(server.url);
    await withFile(async (file) => {
      await publish('one');
      const count = opened.length;
      const first = await bridge(file, server.url, 20);
      await waitFor(() => file.sqlite.prepare('select * from liveness').get() !== undefined, { describe: 'liveness' });
      await waitFor(() => first.taken.length === 1, { describe: 'the first event' });
      for (const one of opened.splice(count).reverse()) await one.close();
      await publish('two');
      const second = await bridge(file, server.url, 20);
      await waitFor(() => second.taken.length === 1, { describe: 'the second event' });
      await waitFor(() => second.inbound.counters.duplicate > 0, { describe: 'the first one as a duplicate' });
      expect(second.taken).toEqual(['two']);
      for (const one of opened.splice(count).reverse()) await one.close();
    });
  });

  test('I2 I3 forgeries, repetitions and floods of a hostile relay let through the good events once', async () => {
    const events = [sign({ content: 'a', created_at: now() }), sign({ content: 'b', created_at: now() })].map(
      (event) => ({ ...event }),
    );
    const server = keep(await startHostileRelay({ type: 'forging', events }));
    await withFile(async (file) => {
      const { taken, inbound } = await bridge(file, server.url);
      await waitFor(() => inbound.counters['wrong-signature'] >= 2 && inbound.counters['wrong-id'] >= 4, {
        describe: 'forgeries',
      });
      expect(taken).toEqual([]);
      const other = await startHostileRelay({ type: 'repeating', events, times: 3 });
      keep(other);
      const good = keep(new Relay(other.url, { ports: systemPorts, sockets: nodeRelaySockets(1 << 20) }));
      const from = now() - 600;
      keep({
        close: follow({
          file,
          ports: systemPorts,
          relay: good,
          inbound,
          name: 'notes',
          filters: [{ kinds: [1] }],
          from,
          overlapSeconds: 120,
          noteMs: 1_000,
        }),
      });
      good.start();
      await waitFor(() => taken.length === 2, { describe: 'both' });
      await waitFor(() => inbound.counters.duplicate >= 4, { describe: 'the repetitions' });
      // Now the good one turns bad.
      other.hostility = { type: 'flooding', events };
      good.subscribe({ id: 'again', filters: () => [{}], event: () => false, eose: () => {}, closed: () => {} });
      await waitFor(() => good.counters.floods > 0, { describe: 'a flood' });
      expect(taken.sort()).toEqual(['a', 'b']);
      for (const one of opened.splice(1).reverse()) await one.close();
    });
  });

  test('I9 an overlap that is shorter than a dead connection goes unnoticed is refused', async () => {
    await withFile(async (file) => {
      const relay = new Relay('ws://relay.test', { ports: systemPorts, sockets: nodeRelaySockets(1 << 20) });
      const inbound = {} as Inbound;
      const following = {
        file,
        ports: systemPorts,
        relay,
        inbound,
        name: 'x',
        filters: [],
        from: 0,
        overlapSeconds: 60,
        noteMs: 1,
      };
      expect(await codeOf(() => follow(following))).toBe('invalid_option');
      expect(await codeOf(() => follow({ ...following, overlapSeconds: 120, name: '' }))).toBe('invalid_option');
    });
  });
});
