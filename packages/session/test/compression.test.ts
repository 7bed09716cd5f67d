import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { transactionUpdate } from '@autopilot/testing/server-bytes';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SessionOptions } from '../src/index.ts';
import { Harness, upTo } from './support/harness.ts';

function tagged(tag: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(body.length + 1);
  frame[0] = tag;
  frame.set(body, 1);
  return frame;
}

type Compression = NonNullable<SessionOptions['compression']>;

/** The tag of the host's frames, and how it packs a body. */
const packed: Record<Compression, (body: Uint8Array) => Uint8Array> = {
  none: (body) => tagged(0, body),
  brotli: (body) => tagged(1, brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })),
  gzip: (body) => tagged(2, gzipSync(body, { level: 1 })),
};
const kinds = Object.keys(packed) as Compression[];
const large = { text: 'All work and no play makes Jack a dull boy. '.repeat(3000) };

/** A live stream whose next events all arrive at the same moment, each in a frame packed as asked. */
async function receive(events: readonly { kind: Compression; large: boolean }[]) {
  const h = new Harness();
  const stream = h.host.stream('s');
  h.session.follow('s', null);
  h.session.start();
  await h.live();
  const [connection] = h.host.open;
  if (connection === undefined) throw new Error('not connected');
  // Nobody watches, so that the events are in the log and the frames are ours.
  connection.watches.clear();
  const frames = events.map(({ kind, large: isLarge }, index) => {
    const payload = JSON.stringify({ n: index + 1, ...(isLarge ? large : {}) });
    const row = h.host.liveRow(stream, h.host.appendEvent(stream, 'tick', payload, `key-${index + 1}`));
    const tables = [{ table: 'live_inbox', events: [row] }];
    return packed[kind](transactionUpdate([{ query_set_id: connection.liveSet ?? 0, tables }]));
  });
  for (const frame of frames) connection.handlers.message(frame);
  await h.received('s', events.length);
  const status = h.session.status();
  const payloads = h.events('s').map(({ payload }) => payload);
  await h.close();
  return { seqs: h.seqs('s'), payloads, status };
}

describe('compressed frames', () => {
  test('I22: large packed frames and small plain ones are handed over in the order of their arrival', async () => {
    const events = Array.from({ length: 60 }, (_, index) => ({
      kind: kinds[index % kinds.length] ?? 'none',
      large: index % 3 !== 0,
    }));
    const { seqs, payloads, status } = await receive(events);
    expect(seqs).toEqual(upTo(60));
    expect(payloads.map((payload) => JSON.parse(payload).n)).toEqual(upTo(60));
    expect(payloads.filter((payload) => payload.length > 100_000)).toHaveLength(40);
    // Nothing had to be read again: not one row came before another that it follows.
    expect(status.counters).toMatchObject({ gaps: 0, duplicates: 0, live_events: 60, replayed_events: 0, attempts: 1 });
  });

  test('I22: whatever the mixture', async () => {
    const event = fc.record({ kind: fc.constantFrom(...kinds), large: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 12 }), async (events) => {
        const { seqs, status } = await receive(events);
        expect(seqs).toEqual(upTo(events.length));
        expect(status.counters).toMatchObject({ gaps: 0, live_events: events.length });
      }),
      propertyRuns(15),
    );
  });

  test.each(['brotli', 'gzip'] as const)(
    'I22: a %s frame that cannot be unpacked ends its connection, and nothing behind it is handed over before the gap',
    async (kind) => {
      const h = new Harness();
      h.host.stream('s');
      h.session.follow('s', null);
      h.session.start();
      await h.live();
      h.host.append('s');
      h.host.transmit = (_, frame) => [packed[kind](frame.subarray(1)).subarray(0, -9)];
      h.host.append('s');
      h.host.transmit = undefined;
      h.host.append('s');
      await h.state('backoff');
      expect(h.path.at(-1)).toBe('backoff:protocol_error');
      expect(h.seqs('s')).toEqual([1]);
      await h.received('s', 3);
      expect(h.seqs('s')).toEqual(upTo(3));
      await h.close();
    },
  );

  test.each([
    ['none', 'None'],
    ['gzip', 'Gzip'],
    ['brotli', 'Brotli'],
  ] as const)('%s is asked for by the name that the host has for it', async (compression, name) => {
    const h = new Harness({ compression });
    h.session.start();
    await h.live();
    expect(new URL(h.host.upgrades[0]?.url ?? '').searchParams.get('compression')).toBe(name);
    await h.close();
  });
});
