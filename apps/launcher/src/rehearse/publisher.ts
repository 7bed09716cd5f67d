import { draftEvent, extendChain, genesisChain, streamIdForTopic } from '@autopilot/sync-contract';
import { type Client, basicOf } from './client.ts';
import type { StreamSide } from '../verify.ts';

/** One event before it is published. */
export interface Publication {
  readonly topic: string;
  readonly kind: string;
  readonly payload: { readonly n: number; readonly text: string };
  readonly idempotency_key: string;
}

/** Publishes through control and keeps what it published, chain by chain. */
export interface Publisher {
  /** Sends until control has taken it, the same keys again after an unknown outcome. In order per caller. */
  publish(events: readonly Publication[]): Promise<void>;
  /** Length and chain of each stream. */
  heads(): readonly StreamSide[];
  /** The chain of a stream after so many events; undefined when it was never so long. */
  chainAt(streamId: string, seq: bigint): string | undefined;
  readonly count: number;
  /** How often a batch had to be sent again. */
  readonly repeated: number;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A publisher of nothing yet. It goes on until `signal` ends it. */
export function createPublisher(controlUrl: string, client: Client, signal: AbortSignal): Publisher {
  const chains = new Map<string, string[]>();
  let count = 0;
  let repeated = 0;
  let last: Promise<void> = Promise.resolve();

  async function send(events: readonly Publication[]): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      try {
        const response = await fetch(new URL('/v1/projections', controlUrl), {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: basicOf(client) },
          body: JSON.stringify({ events }),
          signal: AbortSignal.any([signal, AbortSignal.timeout(20_000)]),
        });
        const text = await response.text();
        if (response.status === 202) return;
        if (response.status >= 400 && response.status < 500 && response.status !== 429) {
          throw new Refused(`control refused events with ${response.status}: ${text.slice(0, 300)}`);
        }
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
      repeated += 1;
      await pause(200);
    }
  }

  function remember({ topic, kind, payload, idempotency_key }: Publication): void {
    const stream_id = streamIdForTopic(topic);
    const links = chains.get(stream_id) ?? [genesisChain(stream_id)];
    const { payload_hash } = draftEvent({ stream_id, kind, payload, idempotency_key });
    links.push(extendChain(links.at(-1) ?? '', { seq: BigInt(links.length), kind, idempotency_key, payload_hash }));
    chains.set(stream_id, links);
    count += 1;
  }

  return {
    publish(events) {
      const sent = last.then(async () => {
        // What it will have been is known before anybody can have applied it.
        for (const event of events) remember(event);
        await send(events);
      });
      last = sent.catch(() => {});
      return sent;
    },
    heads: () =>
      [...chains].map(([stream_id, links]) => ({
        stream_id,
        count: BigInt(links.length - 1),
        chain: links.at(-1) ?? '',
      })),
    chainAt: (streamId, seq) => chains.get(streamId)?.[Number(seq)],
    get count() {
      return count;
    },
    get repeated() {
      return repeated;
    },
  };
}

class Refused extends Error {}
