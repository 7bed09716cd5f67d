// The same connection against a real relay over `ws`, and against one that wishes it ill.
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { waitFor } from '@autopilot/testing';
import { type Hostility, startHostileRelay, startRelay } from '@autopilot/testing/nostr';
import { afterEach, describe, expect, test } from '@jest/globals';
import { defaultRelaySettings, type NostrEvent, nodeRelaySockets, Relay, type RelaySettings } from '../../src/index.ts';
import { alice, sign } from '../support/events.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});
function keep<T extends { close(): unknown }>(one: T): T {
  opened.push(one);
  return one;
}

const quick: Partial<RelaySettings> = { backoff: { floorMs: 10, baseMs: 20, capMs: 50 } };

function connect(url: string, settings: Partial<RelaySettings> = {}): Relay {
  const sockets = nodeRelaySockets(settings.maxFrameBytes ?? defaultRelaySettings.maxFrameBytes);
  const environment = { ports: systemPorts, sockets, http: systemHttp, signer: alice };
  const relay = keep(new Relay(url, { ...environment, settings: { ...quick, ...settings } }));
  relay.start();
  return relay;
}
const isOpen = (relay: Relay) => waitFor(() => relay.state === 'open', { describe: 'an open relay' });

describe('against a real relay', () => {
  test('R6 publishes, hears of duplicates and refusals, and subscribes over a cut', async () => {
    const server = keep(await startRelay());
    const relay = connect(server.url);
    await isOpen(relay);
    const event = sign();
    expect(await relay.publish(event)).toMatchObject({ outcome: 'accepted', reason: 'new' });
    const forged = { ...sign({ content: 'forged' }), sig: event.sig };
    expect(await relay.publish(forged)).toMatchObject({ outcome: 'rejected', reason: 'invalid' });
    const seen: string[] = [];
    let ends = 0;
    relay.subscribe({
      id: 's',
      filters: () => [{ kinds: [1] }],
      event: (value) => seen.push((value as NostrEvent).content) > 0,
      eose: () => {
        ends += 1;
      },
      closed: () => {},
    });
    await waitFor(() => ends === 1, { describe: 'EOSE' });
    server.cut();
    await waitFor(() => ends === 2, { describe: 'EOSE after the cut' });
    expect(await relay.publish(sign({ content: 'live' }))).toMatchObject({ outcome: 'accepted' });
    await waitFor(() => seen.length === 3, { describe: 'the live event' });
    expect(seen).toEqual(['hello', 'hello', 'live']);
    expect(relay.counters.unmatched_frames).toBe(0);
  });

  test('R8 authenticates where it has to, for events and subscriptions', async () => {
    const server = keep(await startRelay({ auth: true }));
    const relay = connect(server.url);
    await isOpen(relay);
    let ends = 0;
    relay.subscribe({
      id: 's',
      filters: () => [{}],
      event: () => true,
      eose: () => {
        ends += 1;
      },
      closed: () => {},
    });
    const both = await Promise.all([relay.publish(sign()), relay.publish(sign({ content: 'b' }))]);
    expect(both).toMatchObject([{ outcome: 'accepted' }, { outcome: 'accepted' }]);
    await waitFor(() => ends === 1, { describe: 'EOSE' });
    expect(relay.counters.authentications).toBe(1);
  });

  test('R11 keeps to what the relay says of itself', async () => {
    const server = keep(await startRelay({ information: { limitation: { max_message_length: 600 } } }));
    const relay = connect(server.url);
    await isOpen(relay);
    const large = sign({ content: 'x'.repeat(600) });
    await waitFor(async () => (await relay.publish(large)).reason === 'too-large', { describe: 'the limit' });
    const before = server.received.get(large.id);
    await relay.publish(large);
    expect(server.received.get(large.id)).toBe(before);
    expect(await relay.publish(sign())).toMatchObject({ outcome: 'accepted' });
  });

  test('R4 comes back when the relay does', async () => {
    const server = keep(await startRelay());
    const relay = connect(server.url, { breaker: { threshold: 1_000, cooldown: { floorMs: 1, baseMs: 1, capMs: 1 } } });
    await isOpen(relay);
    await server.stop();
    await waitFor(() => relay.counters.losses > 2, { describe: 'attempts that failed' });
    await server.resume();
    await isOpen(relay);
    expect(await relay.publish(sign())).toMatchObject({ outcome: 'accepted' });
  });
});

describe('against a hostile relay', () => {
  test.each<[string, Hostility, Partial<RelaySettings>, string]>([
    ['hangs', { type: 'hanging' }, { publishMs: 50 }, 'deadline'],
    ['lies', { type: 'lying' }, { publishMs: 50 }, 'deadline'],
    ['closes', { type: 'closing', code: 4_000 }, {}, 'closed'],
    ['sends malformed frames', { type: 'malformed' }, { publishMs: 50 }, 'deadline'],
    ['sends too large a frame', { type: 'oversized', bytes: 2_000 }, { maxFrameBytes: 1_000 }, 'closed'],
    ['challenges without end', { type: 'challenging', burst: 3 }, { publishMs: 500, authMs: 50 }, 'auth-required'],
    ['challenges in a flood', { type: 'challenging', burst: 200 }, { publishMs: 500 }, 'closed'],
    ['refuses without a prefix', { type: 'answering', accepted: false, message: 'no' }, {}, 'unclear'],
  ])('R3 R9 one that %s costs one verdict', async (_what, hostility, settings, reason) => {
    const server = keep(await startHostileRelay(hostility));
    const relay = connect(server.url, settings);
    await isOpen(relay);
    expect(await relay.publish(sign())).toMatchObject({ outcome: 'retry', reason });
  });

  test('R5 one that refuses connections opens the breaker, and is left alone', async () => {
    const server = keep(await startHostileRelay({ type: 'refusing', status: 503 }));
    const relay = connect(server.url, {
      breaker: { threshold: 3, cooldown: { floorMs: 60_000, baseMs: 60_000, capMs: 60_000 } },
    });
    await waitFor(() => relay.status().breaker === 'open', { describe: 'an open breaker' });
    expect(relay.counters).toMatchObject({ losses: 3, breaker_trips: 1 });
    expect(relay.status().lastLoss).toEqual({ reason: 'refused', detail: 'The upgrade was answered with 503.' });
  });

  test('R9 one that floods loses its connection, and memory stays', async () => {
    const server = keep(await startHostileRelay({ type: 'flooding', events: [{ ...sign() }] }));
    const relay = connect(server.url, {
      breaker: { threshold: 2, cooldown: { floorMs: 60_000, baseMs: 60_000, capMs: 60_000 } },
    });
    let taken = 0;
    relay.subscribe({
      id: 's',
      filters: () => [{}],
      event: () => {
        taken += 1;
        return taken % 500 !== 0;
      },
      eose: () => {},
      closed: () => {},
    });
    await waitFor(() => relay.status().breaker === 'open', { describe: 'an open breaker' });
    expect([relay.counters.floods, taken]).toEqual([2, 1_000]);
    await waitFor(() => server.connections === 0, { describe: 'no connection' });
  });
});
