import { type Cancel, draftEvent, type Ports, type SocketFactory } from '@autopilot/sync-contract';
import { laneConformance } from '@autopilot/sync-contract/conformance';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { nodeSocketFactory, reducers } from '../src/index.ts';
import { recordLaneFacts } from './gates/facts.ts';
import { type Client, Embedded, until } from './support/embedded.ts';
import { upTo } from './support/harness.ts';

let world: Embedded;
let publisher: Client;
let streams = 0;

beforeAll(async () => {
  world = await Embedded.start();
  publisher = world.client('publisher');
  publisher.session.start();
});
afterAll(() => world.close());

/** Ports that know what of them is in use. */
function countedPorts(): { readonly ports: Ports; readonly socket: SocketFactory; leftovers(): string[] } {
  const timers = new Set<object>();
  const sockets = new Set<object>();
  const after = (milliseconds: number, task: () => void): Cancel => {
    const timer = {};
    timers.add(timer);
    const cancel = systemPorts.scheduler.after(milliseconds, () => {
      timers.delete(timer);
      task();
    });
    return () => {
      timers.delete(timer);
      cancel();
    };
  };
  return {
    ports: { ...systemPorts, scheduler: { after } },
    socket: (request, handlers) => {
      const socket = {};
      sockets.add(socket);
      return nodeSocketFactory(request, {
        ...handlers,
        refused: (...args) => {
          sockets.delete(socket);
          handlers.refused(...args);
        },
        closed: (...args) => {
          sockets.delete(socket);
          handlers.closed(...args);
        },
      });
    },
    leftovers: () => [...[...timers].map(() => 'timer'), ...[...sockets].map(() => 'socket')],
  };
}

laneConformance({ describe, test, expect }, 'the session', async () => {
  const { ports, socket, leftovers } = countedPorts();
  const made: Client[] = [];
  const lengths = new Map<string, number>();
  let appended = 0;
  const reader = (): Client => {
    const client = world.client('reader', { ports, socket, pageSize: 7, headPollMs: 200 });
    made.push(client);
    return client;
  };
  const create = async (readable: boolean): Promise<string> => {
    streams += 1;
    const id = `runtime.conformance.${streams}`;
    await publisher.session.createStream(id, 'test', 'inbox');
    const { identity } = world.client('reader');
    if (readable) await publisher.session.grantStream(identity, id, 'reader');
    return id;
  };
  const append = async (id: string, from: number, to: number): Promise<void> => {
    lengths.set(id, to);
    appended += to - from + 1;
    await Promise.all(
      upTo(to, from).map((n) =>
        publisher.session.appendSyncEvent(
          draftEvent({ stream_id: id, kind: 'tick', payload: { n }, idempotency_key: `key-${n}` }),
        ),
      ),
    );
  };
  return {
    lane: () => reader().session,
    stream: () => create(true),
    append,
    keep: async (id, newest) => {
      const length = lengths.get(id) ?? 0;
      const { reducer, args } = reducers.applyRetention(id, BigInt(length - newest + 1));
      await publisher.session.call(reducer, args);
    },
    // Without a grant the module tells nobody what exists: one that was granted and retired is unknown.
    unknown: async () => {
      const id = await create(true);
      const { reducer, args } = reducers.retireStream(id);
      await publisher.session.call(reducer, args);
      return id;
    },
    forbidden: () => create(false),
    cut: () => void world.host.faults.dropConnections(),
    until,
    // A whole turn through the host: what was under way before has happened by then.
    settle: async () => {
      const id = await create(true);
      const client = world.client('reader');
      client.session.follow(id, null);
      client.session.start();
      await append(id, 1, 1);
      await until(() => client.events(id).length === 1 && client.session.state === 'live');
      await client.session.close();
    },
    leftovers,
    dispose: async () => {
      await recordLaneFacts(world, publisher, appended);
      await Promise.all(made.map(({ session }) => session.close()));
    },
  };
});
