import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { type BridgeFile, Deliveries, defaultVisitSettings, Outbox, OutboxStore, Relay } from '../../src/index.ts';
import type { VisitSettings } from '../../src/visits/visit-settings.ts';
import { Visits } from '../../src/visits/visits.ts';
import { withFile } from '../support/bridge-file.ts';
import { alice, second } from '../support/events.ts';
import { fakeSockets } from '../support/fake-sockets.ts';

const own = 'wss://own.example';
const far = (name: number | string) => `wss://far${name}.example`;

function make(file: BridgeFile, changes: Partial<VisitSettings> = {}) {
  const ports = manualPorts({ start: second * 1000, draw: 0 });
  const store = new OutboxStore(file, ports.clock);
  const outbox = new Outbox({ file, store, ports, signer: alice, signMs: 500 });
  const deliveries = new Deliveries(store, ports, { backoff: { floorMs: 1_000, baseMs: 1_000, capMs: 1_000 } });
  const { factory, sockets } = fakeSockets();
  const visits = new Visits({
    store,
    deliveries,
    ports,
    own: [own],
    settings: { ...defaultVisitSettings, visitMs: 10_000, ageMs: 200_000, ...changes },
    make: (url) => {
      const environment = { ports, sockets: factory };
      const host = {
        mayPublish: () => deliveries.wake(url),
        late: () => {},
      };
      return new Relay(url, environment, host);
    },
  });
  outbox.onStored((urls) => {
    for (const url of urls) deliveries.wake(url);
    visits.wake(urls);
  });
  deliveries.start([]);
  visits.start();
  let stored = 0;
  const store_ = async (...relays: string[]) => {
    stored += 1;
    const template = { kind: 1, tags: [], content: `${stored}` };
    const quorum = { type: 'all', of: [own] } as const;
    const { event } = await outbox.enqueue({ key: `${stored}`, template, relays: [own, ...relays], quorum });
    return event.id;
  };
  /** What each socket that was asked for is to. */
  const asked = () => sockets.map(({ request }) => request.url);
  /** Opens a socket and says the same of every event that comes. */
  const answer = (index: number, accepted: boolean, message = '') => {
    for (const [type, event] of sockets[index]?.sent.splice(0) ?? []) {
      if (type === 'EVENT') sockets[index]?.say(['OK', (event as { id: string }).id, accepted, message]);
    }
  };
  return { ports, store, visits, sockets, asked, answer, stored: store_, deliveries };
}

describe('visits', () => {
  test('V4 a relay outside of the settings is connected to when there is something for it, and left when it is idle', () =>
    withFile(async (file) => {
      const { ports, store, visits, sockets, asked, answer, stored, deliveries } = make(file);
      await ports.advanceAsync(5_000);
      expect(asked()).toEqual([]);
      const id = await stored(far(1));
      expect(asked()).toEqual([far(1)]);
      sockets[0]?.open();
      await ports.advanceAsync(0);
      answer(0, true);
      await ports.advanceAsync(9_000);
      expect(sockets[0]?.ended).toBeUndefined();
      await stored(far(1));
      await ports.advanceAsync(0);
      answer(0, true);
      expect(asked()).toEqual([far(1)]);
      await ports.advanceAsync(16_000);
      expect([sockets[0]?.ended, visits.status()]).toEqual(['close', []]);
      // Its own relay has not answered: nothing that a stranger's took counts.
      expect(store.standingOf(id)).toBe('open');
      expect(store.counts().map(({ relay, state, number }) => [relay, state, number])).toEqual([
        [far(1), 'accepted', 2],
        [own, 'pending', 2],
      ]);
      visits.stop();
      deliveries.stop();
      expect(ports.pending).toBe(0);
    }));

  test('V4 no more are visited at once than are allowed, and one that is idle makes room for those who wait', () =>
    withFile(async (file) => {
      const { ports, visits, sockets, asked, answer, stored } = make(file, { maxVisitedRelays: 2, visitMs: 60_000 });
      for (const name of [1, 2, 3, 4]) await stored(far(name));
      await ports.advanceAsync(5_000);
      expect(asked()).toEqual([far(1), far(2)]);
      sockets[1]?.open();
      await ports.advanceAsync(5_000);
      // It has not answered yet.
      expect(sockets[1]?.ended).toBeUndefined();
      answer(1, true);
      await ports.advanceAsync(5_000);
      expect(sockets[1]?.ended).toBe('close');
      expect(visits.status().map(({ url }) => url)).toEqual([far(1), far(3)]);
      visits.stop();
    }));

  test('V4 V5 relays that are away get a turn each, less and less often, and what is for them is given up', () =>
    withFile(async (file) => {
      const { ports, store, visits, asked, stored } = make(file, { maxVisitedRelays: 1 });
      const id = await stored(far(1), far(2), far(3));
      store.claim(own);
      store.move({ event_id: id, relay: own, input: 'accept', reason: '' });
      expect(store.standingOf(id)).toBe('reached');
      await ports.advanceAsync(60_000);
      const first = [...new Set(asked())];
      expect(first.sort()).toEqual([far(1), far(2), far(3)]);
      await ports.advanceAsync(150_000);
      expect(store.counts().map(({ relay, state }) => [relay, state])).toEqual([
        [far(1), 'dead'],
        [far(2), 'dead'],
        [far(3), 'dead'],
        [own, 'accepted'],
      ]);
      // About one visit to each, then as long a pause as it has waited, and so on: not one every ten seconds.
      expect(visits.counters).toMatchObject({ expired: 3, faults: 0 });
      expect(visits.counters.begun).toBeLessThan(16);
      const begun = visits.counters.begun;
      await ports.advanceAsync(60_000);
      expect([visits.counters.begun, visits.status()]).toEqual([begun, []]);
      expect(store.standingOf(id)).toBe('reached');
    }));

  test('V4 a relay that always answers and never takes is left as well, and others get its place', () =>
    withFile(async (file) => {
      const { ports, visits, sockets, asked, answer, stored } = make(file, { maxVisitedRelays: 1, ageMs: 1e9 });
      await stored(far(1));
      await stored(far(2));
      sockets[0]?.open();
      for (let second_ = 0; second_ < 105; second_ += 1) {
        await ports.advanceAsync(1_000);
        answer(0, false, 'error: later');
        if (second_ % 10 === 0) await stored(far(1));
      }
      expect(asked()).toEqual([far(1), far(2)]);
      expect(visits.counters.answered).toBeGreaterThan(20);
      visits.stop();
    }));

  test.each([['ws://relay.example.com'], ['wss://127.0.0.1'], ['wss://localhost']])(
    'V2 %s is not connected to, whoever stored something for it',
    (url) =>
      withFile(async (file) => {
        const { ports, store, asked, stored } = make(file);
        await stored(url);
        await ports.advanceAsync(210_000);
        expect(asked()).toEqual([]);
        expect(store.list('dead', 9)).toMatchObject([{ relay: url, reason: 'expired' }]);
      }),
  );

  test('V5 there is room for so many deliveries that wait, counted in the file', () =>
    withFile(async (file) => {
      const { visits, stored } = make(file, { maxWaiting: 3, maxVisitedRelays: 0 });
      await stored(far(1), far(2));
      expect(visits.hasRoom).toBe(true);
      await stored(far(1));
      expect(visits.hasRoom).toBe(false);
      expect(make(file, { maxWaiting: 3 }).visits.hasRoom).toBe(false);
      const later = make(file, { maxWaiting: 3, ageMs: 1 });
      await later.ports.advanceAsync(5_000);
      expect(later.visits.hasRoom).toBe(true);
    }));

  test('V5 the relays that wait are found without looking at what was delivered', () =>
    withFile((file) => {
      const plan = file.sqlite
        .prepare(
          `explain query plan select "relay", min("next_at_ms"), count(*) from "deliveries"
           where "state" = 'pending' and "relay" not in (select value from json_each(?)) group by "relay"`,
        )
        .all('[]') as { detail: string }[];
      expect(plan[0]?.detail).toContain('USING COVERING INDEX deliveries_pending');
    }));
});
