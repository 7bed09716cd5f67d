import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import {
  Relay,
  type RelaySettings,
  type RelaySubscription,
  relayTransitions,
  type Signer,
  type Verdict,
} from '../../src/index.ts';
import { alice, second, sign } from '../support/events.ts';
import { type FakeSocket, fakeSockets } from '../support/fake-sockets.ts';

const fast: Partial<RelaySettings> = {
  backoff: { floorMs: 100, baseMs: 1_000, capMs: 4_000 },
  breaker: { threshold: 3, cooldown: { floorMs: 20_000, baseMs: 20_000, capMs: 40_000 } },
};

function make(settings: Partial<RelaySettings> = {}, signer?: Signer, draw = 0.999_999) {
  const ports = manualPorts({ start: second * 1000, draw });
  const { factory, sockets } = fakeSockets();
  const late: [string, Verdict][] = [];
  const environment = { ports, sockets: factory, settings: { ...fast, ...settings } };
  const relay = new Relay('ws://relay.test/', signer === undefined ? environment : { ...environment, signer }, {
    late: (id, verdict) => void late.push([id, verdict]),
  });
  const last = () => sockets.at(-1) as FakeSocket;
  relay.start();
  return { ports, sockets, relay, last, late };
}

/** Settles what can settle without time. */
const settle = (ports: ReturnType<typeof manualPorts>) => ports.advanceAsync(0);

const subscription = (changes: Partial<RelaySubscription> = {}): RelaySubscription => ({
  id: 's',
  filters: () => [{ kinds: [1] }],
  event: () => true,
  eose: () => {},
  closed: () => {},
  ...changes,
});

describe('a connection to a relay', () => {
  test('R1 takes an input only where the table has it, and closed is the end', () => {
    const { relay, last } = make();
    expect(relay.state).toBe('connecting');
    relay.start();
    expect(relay.counters.stale_callbacks).toBe(1);
    last().open();
    expect(relay.state).toBe('open');
    relay.close();
    expect([relay.state, last().ended]).toEqual(['closed', 'close']);
    relay.start();
    expect(relay.state).toBe('closed');
    expect(Object.values(relayTransitions.closed).every((to) => to === undefined)).toBe(true);
  });

  test('R2 has one socket at a time, and what a socket that is over says changes nothing', async () => {
    const { ports, relay, sockets } = make();
    sockets[0]?.open();
    sockets[0]?.handlers.closed(1006, '');
    expect(relay.state).toBe('waiting');
    sockets[0]?.handlers.closed(1006, '');
    sockets[0]?.say(['NOTICE', 'late']);
    expect([relay.counters.losses, relay.counters.frames, relay.counters.stale_callbacks]).toEqual([1, 0, 2]);
    await ports.advanceAsync(1_000);
    expect([sockets.length, relay.state]).toEqual([2, 'connecting']);
  });

  test('R3 gives up a connection that does not open, an event and a subscription that are not answered', async () => {
    const { ports, relay, sockets, last } = make({ connectMs: 5_000, publishMs: 3_000, eoseMs: 2_000 });
    await ports.advanceAsync(4_999);
    expect(relay.state).toBe('connecting');
    await ports.advanceAsync(1);
    expect([relay.state, sockets[0]?.ended]).toEqual(['waiting', 'terminate']);
    await ports.advanceAsync(1_000);
    last().open();
    const verdict = relay.publish(sign());
    await ports.advanceAsync(3_000);
    expect(await verdict).toMatchObject({ outcome: 'retry', reason: 'deadline' });
    expect(relay.status().lastLoss?.reason).toBe('publish-deadline');
    expect(ports.pending).toBe(1);
    relay.close();
    expect(ports.pending).toBe(0);
  });

  test('R3 a relay that answers others keeps its connection, and a late OK is told', async () => {
    const { ports, relay, last, late } = make({ publishMs: 3_000 });
    last().open();
    const [slow, quick] = [sign({ content: 'slow' }), sign({ content: 'quick' })];
    const verdict = relay.publish(slow);
    const other = relay.publish(quick);
    last().say(['OK', quick.id, true, '']);
    expect((await other).outcome).toBe('accepted');
    await ports.advanceAsync(3_000);
    expect(await verdict).toMatchObject({ reason: 'deadline' });
    expect(relay.state).toBe('open');
    last().say(['OK', slow.id, true, '']);
    expect(late).toEqual([[slow.id, { outcome: 'accepted', reason: 'new', message: '' }]]);
  });

  test('R3 the same event twice is one that is sent, and what is in flight when the connection ends is to be retried', async () => {
    const { relay, last } = make();
    expect(await relay.publish(sign())).toMatchObject({ reason: 'not-sent' });
    last().open();
    const both = [relay.publish(sign()), relay.publish(sign())];
    expect(last().sent).toHaveLength(1);
    last().handlers.closed(1006, '');
    expect(await Promise.all(both)).toMatchObject([{ reason: 'closed' }, { reason: 'closed' }]);
    expect(await relay.publish(sign())).toMatchObject({ reason: 'not-sent' });
  });

  test('R4 waits between attempts with full jitter, longer where the relay says so, and forgets only what was proven', async () => {
    const { ports, relay, sockets, last } = make({
      breaker: { threshold: 100, cooldown: { floorMs: 1, baseMs: 1, capMs: 1 } },
    });
    const waits: number[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) {
      // Open, but nothing is proven: the wait still grows.
      last().open();
      last().handlers.closed(1006, '');
      const before = sockets.length;
      const from = ports.clock.monotonic();
      while (sockets.length === before) await ports.advanceAsync(50);
      waits.push(ports.clock.monotonic() - from);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 4_000]);
    last().handlers.refused(429, '', 9_000);
    await ports.advanceAsync(8_999);
    expect(relay.state).toBe('waiting');
    await ports.advanceAsync(1);
    last().open();
    const verdict = relay.publish(sign());
    last().say(['OK', sign().id, false, 'error: disk']);
    expect(await verdict).toMatchObject({ outcome: 'retry', reason: 'error' });
    last().handlers.closed(1006, '');
    await ports.advanceAsync(1_000);
    expect(relay.state).toBe('connecting');
  });

  test('R4 the smallest draw still waits the floor', async () => {
    const { ports, relay, last } = make({}, undefined, 0);
    last().handlers.closed(1006, '');
    await ports.advanceAsync(99);
    expect(relay.state).toBe('waiting');
    await ports.advanceAsync(1);
    expect(relay.state).toBe('connecting');
  });

  test('R5 after failures in a row nothing is tried during the cooldown; then one event decides', async () => {
    const { ports, relay, sockets, last } = make();
    for (let failure = 0; failure < 3; failure += 1) {
      last().handlers.closed(1006, '');
      if (failure < 2) await ports.advanceAsync(4_000);
    }
    expect([relay.status().breaker, relay.counters.breaker_trips, sockets.length]).toEqual(['open', 1, 3]);
    await ports.advanceAsync(19_999);
    expect(sockets).toHaveLength(3);
    await ports.advanceAsync(1);
    expect(relay.status().breaker).toBe('half-open');
    last().open();
    expect(relay.publishRoom()).toBe(1);
    const trial = relay.publish(sign());
    expect(await relay.publish(sign({ content: 'second' }))).toMatchObject({ reason: 'not-sent' });
    last().say(['OK', sign().id, false, 'blocked: no']);
    expect(await trial).toMatchObject({ outcome: 'rejected' });
    expect(relay.status().breaker).toBe('closed');
  });

  test('R7 paces what it sends, and slows down once for the complaints of a second', async () => {
    const { ports, relay, last } = make({ outbound: { perSecond: 8, burst: 3 } });
    last().open();
    const events = [1, 2, 3, 4].map((number) => sign({ content: `${number}` }));
    const verdicts = events.map((event) => relay.publish(event));
    expect(last().sent).toHaveLength(3);
    expect(await verdicts[3]).toMatchObject({ reason: 'not-sent' });
    for (const { id } of events.slice(0, 3)) last().say(['OK', id, false, 'rate-limited: slow']);
    expect(await verdicts[0]).toMatchObject({ outcome: 'retry', reason: 'rate-limited' });
    expect(relay.status().eventsPerSecond).toBe(4);
    expect(relay.publishWaitMs()).toBe(250);
    await ports.advanceAsync(1_000);
    last().say(['NOTICE', 'rate-limited: still']);
    expect([relay.status().eventsPerSecond, relay.status().lastNotice]).toEqual([2, 'rate-limited: still']);
  });

  test('R7 has room for what may be in flight and has a token, and for nothing before it is open', async () => {
    const { ports, relay, last } = make({ outbound: { perSecond: 2, burst: 5 }, maxInFlight: 3 });
    expect([relay.publishRoom(), relay.publishWaitMs()]).toEqual([0, undefined]);
    last().open();
    const events = [1, 2, 3, 4, 5].map((number) => sign({ content: `${number}` }));
    const publish = (at: number) => void relay.publish(events[at] ?? sign());
    const answer = (at: number) => last().say(['OK', events[at]?.id, true, '']);
    expect(relay.publishRoom()).toBe(3);
    publish(0);
    publish(1);
    expect(relay.publishRoom()).toBe(1);
    publish(2);
    expect([relay.publishRoom(), relay.publishWaitMs()]).toEqual([0, undefined]);
    for (const at of [0, 1, 2]) answer(at);
    expect(relay.publishRoom()).toBe(2);
    publish(3);
    publish(4);
    answer(3);
    answer(4);
    expect([relay.publishRoom(), relay.publishWaitMs()]).toEqual([0, 500]);
    await ports.advanceAsync(499);
    expect(relay.publishRoom()).toBe(0);
    await ports.advanceAsync(1);
    expect([relay.publishRoom(), relay.publishWaitMs()]).toEqual([1, 0]);
  });

  test('R9 ends a connection that sends too large a frame, too many that nobody asked for, or more events than are taken', async () => {
    const { ports, relay, sockets, last } = make({ maxFrameBytes: 1_000, nuisance: { perSecond: 1, burst: 5 } });
    last().open();
    last().say(['NOTICE', 'x'.repeat(1_000)]);
    expect([relay.counters.oversized_frames, relay.status().lastLoss?.reason]).toEqual([1, 'oversized']);
    await ports.advanceAsync(1_000);
    last().open();
    for (const frame of ['[[', '["EOSE","nobody"]', '["OK","x",true,""]', '["AUTH","c"]', '["NOTICE","n"]'])
      last().say(frame);
    expect(relay.state).toBe('open');
    last().say(['EVENT', 'nobody', {}]);
    expect([relay.state, relay.counters.floods, sockets[1]?.ended]).toEqual(['waiting', 1, 'terminate']);
    expect([relay.counters.malformed_frames, relay.counters.unmatched_frames]).toEqual([1, 3]);
    await ports.advanceAsync(2_000);
    relay.subscribe(subscription({ event: () => false }));
    last().open();
    last().say(['EVENT', 's', {}]);
    expect([relay.state, relay.counters.floods]).toEqual(['waiting', 2]);
  });

  test('R9 asks a relay that is silent, and gives it up when it does not answer', async () => {
    const { ports, relay, last } = make({ silenceMs: 10_000, eoseMs: 2_000 });
    last().open();
    await ports.advanceAsync(9_000);
    last().handlers.alive();
    await ports.advanceAsync(9_999);
    expect(last().sent).toEqual([]);
    await ports.advanceAsync(1);
    expect(last().sent).toEqual([['REQ', 'probe', { ids: ['0'.repeat(64)], limit: 1 }]]);
    last().say(['EOSE', 'probe']);
    await ports.advanceAsync(10_000);
    expect([last().sent.length, relay.state]).toEqual([2, 'open']);
    await ports.advanceAsync(2_000);
    expect(relay.status().lastLoss?.reason).toBe('silent');
  });

  test('R10 makes its subscriptions again on every connection, with the filters of that moment', async () => {
    const { ports, relay, last } = make();
    let since = 1;
    const seen: unknown[] = [];
    const cancel = relay.subscribe(
      subscription({
        filters: () => [{ since }],
        event: (event) => seen.push(event) > 0,
        eose: () => void seen.push('eose'),
      }),
    );
    last().open();
    last().say(['EVENT', 's', { a: 1 }]);
    last().say(['EOSE', 's']);
    last().handlers.closed(1006, '');
    since = 2;
    await ports.advanceAsync(1_000);
    last().open();
    expect(last().sent).toEqual([['REQ', 's', { since: 2 }]]);
    cancel();
    expect(last().sent.at(-1)).toEqual(['CLOSE', 's']);
    last().say(['EVENT', 's', { a: 2 }]);
    expect(seen).toEqual([{ a: 1 }, 'eose']);
  });

  test('R10 a subscription that is closed with a reason to retry is made again after a pause; one that is refused is not', async () => {
    const { ports, relay, last } = make();
    const closed: string[] = [];
    relay.subscribe(subscription({ closed: ({ reason }) => void closed.push(reason) }));
    last().open();
    last().say(['CLOSED', 's', 'error: busy']);
    expect(last().sent).toHaveLength(1);
    await ports.advanceAsync(1_000);
    expect(last().sent).toHaveLength(2);
    last().say(['CLOSED', 's', 'restricted: no']);
    await ports.advanceAsync(3_000);
    last().handlers.closed(1006, '');
    await ports.advanceAsync(1_000);
    last().open();
    expect([last().sent, closed]).toEqual([[], ['error', 'restricted']]);
  });
});

describe('authentication', () => {
  test('R8 is given when something needs it, for the challenge of that moment, and what needed it is sent again', async () => {
    const { ports, relay, last } = make({}, alice);
    last().open();
    last().say(['AUTH', 'one']);
    last().say(['AUTH', 'two']);
    expect(last().sent).toEqual([]);
    const event = sign();
    const verdict = relay.publish(event);
    last().say(['OK', event.id, false, 'auth-required: who']);
    await settle(ports);
    const [, auth] = last().sent[1] as [string, ReturnType<typeof sign>];
    expect(auth).toMatchObject({
      kind: 22_242,
      created_at: second,
      tags: [
        ['relay', 'ws://relay.test'],
        ['challenge', 'two'],
      ],
    });
    last().say(['OK', auth.id, true, '']);
    await settle(ports);
    expect(last().sent[2]).toEqual(['EVENT', event]);
    last().say(['OK', event.id, true, '']);
    expect(await verdict).toMatchObject({ outcome: 'accepted' });
  });

  test('R8 is not given twice for a challenge, nor without end, and an event is asked to authenticate once', async () => {
    const { ports, relay, last } = make({ maxAuths: 2, nuisance: { perSecond: 100, burst: 100 } }, alice);
    last().open();
    const verdicts: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      last().say(['AUTH', `challenge ${round}`]);
      const event = sign({ content: `${round}` });
      const verdict = relay.publish(event);
      last().say(['OK', event.id, false, 'auth-required: who']);
      await settle(ports);
      const auth = last()
        .sent.filter(([type]) => type === 'AUTH')
        .at(-1)?.[1] as { id: string };
      last().say(['OK', auth.id, true, '']);
      await settle(ports);
      last().say(['OK', event.id, false, 'auth-required: again']);
      verdicts.push((await verdict).reason);
    }
    expect(verdicts).toEqual(Array(4).fill('auth-required'));
    expect(last().sent.filter(([type]) => type === 'AUTH')).toHaveLength(2);
  });

  test.each<[string, Signer]>([
    ['throws', { pubkey: alice.pubkey, sign: () => Promise.reject(new Error('no')) }],
    ['never answers', { pubkey: alice.pubkey, sign: () => new Promise(() => {}) }],
  ])('R8 a signer that %s holds nothing up', async (_what, signer) => {
    const { ports, relay, last } = make({ authMs: 1_000, publishMs: 5_000 }, signer);
    last().open();
    last().say(['AUTH', 'one']);
    const event = sign();
    const verdict = relay.publish(event);
    const refused: string[] = [];
    relay.subscribe(subscription({ closed: ({ reason }) => void refused.push(reason) }));
    last().say(['OK', event.id, false, 'auth-required: who']);
    last().say(['CLOSED', 's', 'auth-required: who']);
    await ports.advanceAsync(1_000);
    expect(await verdict).toMatchObject({ outcome: 'retry', reason: 'auth-required' });
    expect(refused).toEqual(['auth-required']);
    expect(relay.counters.failed_authentications).toBe(1);
  });

  test('R8 a subscription that needs it is made again once it is given', async () => {
    const { ports, relay, last } = make({}, alice);
    relay.subscribe(subscription());
    last().open();
    last().say(['AUTH', 'one']);
    last().say(['CLOSED', 's', 'auth-required: who']);
    await settle(ports);
    const [, auth] = last().sent[1] as [string, { id: string }];
    last().say(['OK', auth.id, true, '']);
    await settle(ports);
    expect(last().sent[2]).toEqual(['REQ', 's', { kinds: [1] }]);
  });
});
