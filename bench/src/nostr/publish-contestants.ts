import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Bridge, type NostrEvent, nodeRelaySockets, type Signer } from '@autopilot/nostr-bridge';
import { systemPorts as ports } from '@autopilot/sync-contract/system-ports';
import { SimplePool, useWebSocketImplementation } from 'nostr-tools/pool';
import { WebSocket } from 'ws';
import type { Contestant, Prepared } from '../measure/in-turns.ts';
import { fastSigner } from './signed-events.ts';
import type { StoringRelays } from './storing-relays.ts';

/** What is published by a contestant in a turn. */
export interface PublishWork {
  readonly events: number;
  /** Bytes of content of each. */
  readonly content: number;
  /** Events that are published at the same time: the next one begins when one has the OK of every relay. */
  readonly inFlight: number;
  readonly relays: StoringRelays;
}

/** What {@link publishAll} uses. */
interface Publisher {
  /** Resolves when every relay has said OK. */
  publish(event: NostrEvent): Promise<void>;
  close(): Promise<void>;
}

/** Stores each event in its file, sends it, and has each OK in its file before it counts. @param folder Of files. */
export function outbox(work: PublishWork, folder: string): Contestant {
  const { relays, inFlight } = work;
  return contestant('outbox of the bridge', work, async (events) => {
    const own = mkdtempSync(path.join(folder, 'outbox-'));
    const unpaced = { perSecond: 1_000_000, burst: 1_000_000 };
    const bridge = await Bridge.open(
      {
        file: path.join(own, 'bridge.sqlite'),
        relays: relays.urls,
        quorum: { type: 'all' },
        relay: { outbound: unpaced, maxInFlight: inFlight },
      },
      {
        ports,
        sockets: nodeRelaySockets(1 << 20),
        signer: signerOf(events),
        // Nothing comes in.
        spawnVerifier: () => ({ send: () => {}, terminate: async () => {} }),
      },
    );
    const waiting = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
    bridge.onStanding((id, standing) => {
      if (standing === 'reached') waiting.get(id)?.resolve();
      else waiting.get(id)?.reject(new Error(`An event is ${standing}.`));
      waiting.delete(id);
    });
    bridge.start();
    return {
      publish: async ({ id, kind, tags, content, created_at }) => {
        const settled = new Promise<void>((resolve, reject) => waiting.set(id, { resolve, reject }));
        await bridge.publish({ key: content, template: { kind, tags, content, created_at } });
        await settled;
      },
      close: async () => {
        await bridge.close();
        rmSync(own, { recursive: true, force: true });
      },
    };
  });
}

/** Sends each event, and forgets it when it has an OK or not. */
export function simplePool(work: PublishWork): Contestant {
  return contestant('SimplePool of nostr-tools', work, async () => {
    // The same websockets as those of the bridge.
    useWebSocketImplementation(WebSocket);
    const pool = new SimplePool();
    const urls = [...work.relays.urls];
    return {
      publish: async (event) => {
        await Promise.all(pool.publish(urls, event as Parameters<SimplePool['publish']>[1]));
      },
      close: async () => pool.destroy(),
    };
  });
}

function contestant(
  name: string,
  { events: count, content, inFlight, relays }: PublishWork,
  open: (events: readonly NostrEvent[]) => Promise<Publisher>,
): Contestant {
  return {
    name,
    prepare: async (): Promise<Prepared> => {
      const [first, ...events] = nextEvents(count + 1, content);
      const publisher = await open(first === undefined ? [] : [first, ...events]);
      // The connections are made by it.
      if (first !== undefined) await publisher.publish(first);
      const before = await relays.stored();
      return {
        work: () => publishAll(publisher, events, inFlight),
        check: async () => {
          const after = await relays.stored();
          await publisher.close();
          return Math.min(...after.map((stored, at) => stored - (before[at] ?? Number.NaN)));
        },
      };
    },
  };
}

async function publishAll({ publish }: Publisher, events: readonly NostrEvent[], inFlight: number): Promise<void> {
  let next = 0;
  const one = async () => {
    for (let event = events[next++]; event !== undefined; event = events[next++]) await publish(event);
  };
  await Promise.all(Array.from({ length: inFlight }, one));
}

const sign = fastSigner('publisher');
let number = 0;

/** Signed before anything is measured; no relay has had any of them. */
function nextEvents(count: number, content: number): NostrEvent[] {
  const created_at = Math.floor(Date.now() / 1_000);
  return Array.from({ length: count }, () => {
    number += 1;
    return sign({ kind: 1, created_at, tags: [['t', 'bench']], content: `${number} `.padEnd(content, 'x') });
  });
}

/** Has signed all of them before. */
function signerOf(events: readonly NostrEvent[]): Signer {
  const signed = new Map(events.map((event) => [event.content, event]));
  const pubkey = events[0]?.pubkey ?? '';
  return {
    pubkey,
    sign: ({ content }) => {
      const event = signed.get(content);
      if (event === undefined) throw new Error('It was not signed before.');
      return event;
    },
  };
}
