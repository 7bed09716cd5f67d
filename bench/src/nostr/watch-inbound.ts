import { statSync } from 'node:fs';
import { defaultRelaySettings, nodeRelaySockets } from '@autopilot/nostr-bridge';
import type { SocketFactory } from '@autopilot/sync-contract';
import type { InboundSample } from './flatness.ts';
import { type OpenInbound, openInbound } from './open-inbound.ts';
import { startSigningRelay } from './signing-relay.ts';

/** How many events, of what size, and how many of their ids are remembered. */
export interface InboundWork {
  readonly events: number;
  readonly seen: number;
  readonly content: number;
}

/** Hours that created_at goes through: whole ones of them are forgotten when the seen-set is full. */
const hours = 50;
/** Events that are asked for at once, and that may be under way: the bridge holds 1,000 of a relay. */
const block = 128;
const mostUnderWay = 512;
const samples = 10;

/**
 * A relay sends its events over a websocket as fast as the bridge takes them, and memory is read after each tenth. Needs
 * --expose-gc.
 *
 * @param folder The file is made in it.
 * @returns microseconds of processor time and by the clock for an event, of this process.
 * @throws {Error} when an event was not taken.
 */
export async function watchInbound(
  folder: string,
  { events, seen, content }: InboundWork,
  tell: (sample: InboundSample) => void,
): Promise<{ readonly cpu_us: number; readonly wall_us: number }> {
  const to = Math.floor(Date.now() / 1_000);
  const from = to - hours * 3_600;
  const relay = await startSigningRelay({ from, to, events, content });
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {});
  let [asked, taken] = [0, 0];
  let more = () => {};
  const accept = () => {
    taken += 1;
    // After the transaction that this is in.
    if (asked - taken <= mostUnderWay - block) setImmediate(more);
  };
  const sockets = watched((reason) =>
    lost.reject(new Error(`The connection ended (${reason}): nothing was measured.`)),
  );
  const open = await openInbound({ folder, url: relay.url, sockets, seen, from, accept });
  const takeUntil = (goal: number) =>
    new Promise<void>((resolve, reject) => {
      more = () => {
        if (taken === goal) resolve();
        while (asked < goal && asked - taken <= mostUnderWay - block) {
          const count = Math.min(block, goal - asked);
          asked += count;
          relay.send(count).catch(reject);
        }
      };
      more();
    });
  try {
    await Promise.race([open.isFollowing, lost.promise]);
    tell(await sample(open, 0));
    const began = performance.now();
    const used = process.cpuUsage();
    for (let part = 1; part <= samples; part += 1) {
      await Promise.race([takeUntil(Math.round((events * part) / samples)), lost.promise]);
      if (open.inbound.counters.accepted !== taken) throw new Error('What was taken was undone: nothing was measured.');
      tell(await sample(open, taken));
    }
    const { user, system } = process.cpuUsage(used);
    return { cpu_us: (user + system) / events, wall_us: ((performance.now() - began) * 1_000) / events };
  } finally {
    await open.close();
    await relay.stop();
  }
}

/** The websockets that a bridge uses in Node. @param ended Hears of the end of one. */
function watched(ended: (reason: string) => void): SocketFactory {
  const sockets = nodeRelaySockets(defaultRelaySettings.maxFrameBytes);
  return (request, handlers) =>
    sockets(request, {
      ...handlers,
      closed: (code, reason) => {
        ended(`${code} ${reason}`);
        handlers.closed(code, reason);
      },
    });
}

async function sample({ seen, file }: OpenInbound, events: number): Promise<InboundSample> {
  globalThis.gc?.();
  // Buffers of what was collected are let go of afterwards.
  await new Promise((resolve) => setImmediate(resolve));
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const size = [file, `${file}-wal`].reduce(
    (sum, name) => sum + (statSync(name, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
  return {
    events,
    seen: seen.size,
    heap_mb: megabytes(heapUsed),
    external_mb: megabytes(external),
    rss_mb: megabytes(rss),
    file_mb: megabytes(size),
  };
}

function megabytes(bytes: number): number {
  return Number((bytes / 2 ** 20).toFixed(2));
}
