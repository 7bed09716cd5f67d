import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { loadWasmVerify, type NostrEvent } from '@autopilot/nostr-bridge';
import { type Event, verifyEvent } from 'nostr-tools/pure';
import { setNostrWasm, verifyEvent as verifyEventByWasm } from 'nostr-tools/wasm';
import { initNostrWasm } from 'nostr-wasm';
import type { Contestant } from '../measure/in-turns.ts';
import { openInbound, subscriptionId } from './open-inbound.ts';
import { scriptedRelay } from './scripted-relay.ts';

/** Events under way in the inbound pipeline: it holds 1,000 of a relay at most. */
const underWay = 512;

/** The function that most clients of JavaScript check events with. */
export const pure = (texts: readonly string[]) =>
  oneByOne('nostr-tools', texts, async () => (event) => verifyEvent(event));

/** The same library over WebAssembly. */
export const overWasm = (texts: readonly string[]) =>
  oneByOne('nostr-tools/wasm', texts, async () => {
    setNostrWasm(await initNostrWasm());
    return (event) => verifyEventByWasm(event);
  });

/** What the threads of the bridge run, in this thread. */
export const verifierAlone = (texts: readonly string[]) =>
  oneByOne('verifier of the bridge', texts, async () => {
    const verify = await loadWasmVerify();
    return (event) => verify(event);
  });

/** From the bytes of a frame to an event that is taken and remembered in the file. @param folder Files are made in it. */
export function wholePath(texts: readonly string[], folder: string, from: number): Contestant {
  const frames = texts.map((text) => Buffer.from(`["EVENT","${subscriptionId}",${text}]`));
  return {
    name: 'frame to accepted',
    prepare: async () => {
      const own = mkdtempSync(path.join(folder, 'inbound-'));
      const relay = scriptedRelay();
      let accept = () => {};
      const url = 'ws://127.0.0.1:1';
      const spec = { folder: own, url, sockets: relay.sockets, seen: 1_000_000, from, accept: () => accept() };
      const { inbound, seen, isFollowing, close } = await openInbound(spec);
      await isFollowing;
      return {
        work: () =>
          new Promise<void>((resolve, reject) => {
            let [fed, taken] = [0, 0];
            const feed = () => {
              while (fed < frames.length && fed - taken < underWay) relay.say(frames[fed++] as Buffer);
            };
            relay.onEnd(() => reject(new Error(`The bridge gave its relay up: ${JSON.stringify(inbound.counters)}`)));
            accept = () => {
              taken += 1;
              // After the transaction that this is in.
              if (taken === frames.length) setImmediate(resolve);
              else if (fed - taken === underWay >> 1) setImmediate(feed);
            };
            feed();
          }),
        check: async () => {
          const { size } = seen;
          relay.onEnd(() => {});
          await close();
          rmSync(own, { recursive: true, force: true });
          return size === inbound.counters.accepted ? size : Number.NaN;
        },
      };
    },
  };
}

function oneByOne(
  name: string,
  texts: readonly string[],
  load: () => Promise<(event: Event & NostrEvent) => boolean>,
): Contestant {
  return {
    name,
    prepare: async () => {
      const verify = await load();
      // Anew for every turn: nostr-tools marks what it has verified, and believes the mark.
      const events = texts.map((text) => JSON.parse(text) as Event & NostrEvent);
      let good = 0;
      return {
        work: () => {
          for (const event of events) if (verify(event)) good += 1;
        },
        check: () => good,
      };
    },
  };
}
