import { draftEvent, extendChain, genesisChain, streamIdForTopic } from '@autopilot/sync-contract';
import { waitFor } from '@autopilot/testing';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readAppended } from '../../src/host-streams.ts';
import { type StreamSide, verify } from '../../src/verify.ts';
import { startTestLane, type TestLane } from './lane.ts';

jest.setTimeout(300_000);

const streams = 20;
const perStream = 250;
const batch = 100;

interface Publication {
  readonly topic: string;
  readonly kind: string;
  readonly payload: { readonly n: number; readonly text: string };
  readonly idempotency_key: string;
}

/** Round robin over the streams, so that every fault meets all of them half-way. */
const publications: Publication[] = Array.from({ length: streams * perStream }, (_, index) => {
  const n = Math.floor(index / streams);
  const topic = `run:chaos-${index % streams}:events`;
  return { topic, kind: 'item/completed', payload: { n, text: 'x'.repeat(n % 97) }, idempotency_key: `key-${n}` };
});

/** The chain of every stream, computed from the publications alone. */
function expectedStreams(): StreamSide[] {
  const sides = new Map<string, { stream_id: string; count: bigint; chain: string }>();
  for (const { topic, kind, payload, idempotency_key } of publications) {
    const stream_id = streamIdForTopic(topic);
    const side = sides.get(stream_id) ?? { stream_id, count: 0n, chain: genesisChain(stream_id) };
    side.count += 1n;
    const { payload_hash } = draftEvent({ stream_id, kind, payload, idempotency_key });
    side.chain = extendChain(side.chain, { seq: side.count, kind, idempotency_key, payload_hash });
    sides.set(stream_id, side);
  }
  return [...sides.values()];
}

describe('the whole lane under faults', () => {
  let lane: TestLane;
  beforeAll(async () => {
    lane = await startTestLane();
  });
  afterAll(async () => {
    await lane?.stop();
  });

  async function publish(events: readonly Publication[]): Promise<void> {
    const { clientId, secret } = lane.credentials;
    const response = await fetch(new URL('/v1/projections', lane.controlUrl), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
      },
      body: JSON.stringify({ events }),
    });
    expect({ status: response.status, body: await response.text() }).toMatchObject({ status: 202 });
  }

  const appliedCount = async () => {
    const state = await lane.desktopState();
    return state === undefined ? 0n : state.streams.reduce((total, { seq }) => total + seq, 0n);
  };
  /** Waits until the desktop holds more than so many events: a fault must meet traffic, not an idle lane. */
  const flowing = (more: bigint) =>
    waitFor(async () => (await appliedCount()) > more, {
      timeoutMs: 120_000,
      describe: () => `${more} applied\n${lane.tail()}`,
    });

  test('5,000 events over 20 streams arrive once and in order although everything breaks', async () => {
    const faults = new Map<number, () => Promise<void>>([
      [8, async () => void lane.proxy.cutAll()],
      [
        15,
        async () => {
          await lane.killDesktop();
          await lane.startDesktop();
        },
      ],
      [
        25,
        async () => {
          await lane.killHost();
          await lane.startHost();
        },
      ],
      [32, async () => void lane.proxy.cutAll()],
      [
        40,
        async () => {
          await lane.killDesktop();
          await lane.killHost();
          await lane.startHost();
          await lane.startDesktop();
        },
      ],
    ]);
    for (let index = 0; index * batch < publications.length; index += 1) {
      const events = publications.slice(index * batch, (index + 1) * batch);
      await publish(events);
      // The publisher did not hear the answer and sends again: nothing may come twice of it.
      if (index % 10 === 0) await publish(events);
      const fault = faults.get(index);
      if (fault !== undefined) {
        await flowing(BigInt((index - 6) * batch));
        await fault();
      }
    }
    const published = expectedStreams();
    await waitFor(async () => (await appliedCount()) >= BigInt(publications.length), {
      timeoutMs: 120_000,
      describe: async () => `${await appliedCount()} of ${publications.length} applied\n${lane.tail()}`,
    });
    const state = await lane.desktopState();
    const applied = (state?.streams ?? []).map(({ stream_id, seq, chain }) => ({ stream_id, count: seq, chain }));
    const appended = await readAppended(lane);
    const verdict = verify({ published, applied, appended });
    expect(verdict.faults).toEqual([]);
    expect(verdict.applied).toBe(BigInt(publications.length));
    expect(state?.totals.conflicts).toBe(0);
    expect(lane.proxy.counters().cut).toBeGreaterThan(0);
  });
});
