import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import {
  type BridgeFile,
  Deliveries,
  type DeliverySettings,
  Outbox,
  OutboxStore,
  type PublishTarget,
  type QuorumPolicy,
  type Standing,
  type Verdict,
} from '../../src/index.ts';
import { withFile } from '../support/bridge-file.ts';
import { alice, second, sign } from '../support/events.ts';

const accepted: Verdict = { outcome: 'accepted', reason: 'new', message: '' };
const retryNow: Verdict = { outcome: 'retry', reason: 'error', message: 'error: busy' };
const blocked: Verdict = { outcome: 'rejected', reason: 'blocked', message: 'blocked: no' };

/** A relay whose answers a test gives. */
class FakeTarget implements PublishTarget {
  readonly url: string;
  waitMs: number | undefined = 0;
  room = 100;
  answer: Verdict | 'never' | 'throws' = accepted;
  readonly ids: string[] = [];

  constructor(url: string) {
    this.url = url;
  }

  publishWaitMs(): number | undefined {
    return this.waitMs;
  }

  publishRoom(): number {
    return this.waitMs === 0 ? this.room : 0;
  }

  publish(event: { readonly id: string }): Promise<Verdict> {
    this.ids.push(event.id);
    if (this.answer === 'throws') return Promise.reject(new Error('no'));
    return this.answer === 'never' ? new Promise(() => {}) : Promise.resolve(this.answer);
  }
}

const settings: Partial<DeliverySettings> = {
  backoff: { floorMs: 100, baseMs: 1_000, capMs: 4_000 },
  maxTries: 4,
  maxAgeMs: 60_000,
  pollMs: 5_000,
};

async function make(file: BridgeFile, relays: string[], quorum: QuorumPolicy = { type: 'all' }) {
  const ports = manualPorts({ start: second * 1000, draw: 0.999_999 });
  const store = new OutboxStore(file, ports.clock);
  const outbox = new Outbox({ file, store, ports, signer: alice, signMs: 1_000 });
  const deliveries = new Deliveries(store, ports, settings);
  const targets = relays.map((url) => new FakeTarget(url));
  const standings: [string, Standing][] = [];
  deliveries.onStanding((id, standing) => void standings.push([id, standing]));
  outbox.onStored((urls) => {
    for (const url of urls) deliveries.wake(url);
  });
  const enqueue = async (key: string) =>
    (await outbox.enqueue({ key, template: { kind: 1, tags: [], content: key }, relays, quorum })).event.id;
  deliveries.start(targets);
  return { ports, store, deliveries, targets, standings, enqueue };
}

const settle = (ports: ReturnType<typeof manualPorts>) => ports.advanceAsync(0);
const states = (store: OutboxStore) => store.counts().map(({ relay, state, number }) => `${relay} ${state} ${number}`);

describe('deliveries', () => {
  test('O7 a delivery that may go well later is tried again with the same id, after its backoff and not before', async () => {
    await withFile(async (file) => {
      const { ports, store, deliveries, targets, enqueue } = await make(file, ['ws://one']);
      const [one] = targets as [FakeTarget];
      one.answer = retryNow;
      const id = await enqueue('a');
      await settle(ports);
      for (const [wait, tries] of [
        [1_000, 2],
        [2_000, 3],
      ] as const) {
        await ports.advanceAsync(wait - 10);
        // Opening a connection makes nothing due.
        deliveries.wake('ws://one');
        await settle(ports);
        expect(one.ids).toHaveLength(tries - 1);
        await ports.advanceAsync(10);
        expect(one.ids).toHaveLength(tries);
      }
      one.answer = accepted;
      await ports.advanceAsync(4_000);
      expect(one.ids).toEqual([id, id, id, id]);
      expect(states(store)).toEqual(['ws://one accepted 1']);
      expect(deliveries.counters).toMatchObject({ tries: 4, accepted: 1, retried: 3, died: 0 });
    });
  });

  test('O7 a refusal is the end, and so is the last try; each of them by itself', async () => {
    await withFile(async (file) => {
      const relays = ['ws://good', 'ws://no', 'ws://bad', 'ws://gone'];
      const { ports, store, targets, standings, enqueue } = await make(file, relays, { type: 'count', count: 1 });
      const [, no, bad, gone] = targets as FakeTarget[];
      if (no !== undefined) no.answer = blocked;
      if (bad !== undefined) bad.answer = 'throws';
      if (gone !== undefined) gone.waitMs = undefined;
      const id = await enqueue('a');
      await settle(ports);
      expect(standings).toEqual([[id, 'reached']]);
      for (let round = 0; round < 10; round += 1) await ports.advanceAsync(4_000);
      expect(states(store)).toEqual([
        'ws://bad dead 1',
        'ws://gone pending 1',
        'ws://good accepted 1',
        'ws://no rejected 1',
      ]);
      expect([no?.ids.length, bad?.ids.length, gone?.ids.length]).toEqual([1, 4, 0]);
      for (let round = 0; round < 6; round += 1) await ports.advanceAsync(5_000);
      expect(store.list('dead', 9).map(({ relay, reason }) => [relay, reason])).toEqual([
        ['ws://bad', 'closed'],
        ['ws://gone', 'expired'],
      ]);
      expect(standings).toHaveLength(1);
    });
  });

  test('O7 one relay that never answers holds no other one, and a relay is sent only what it can take', async () => {
    await withFile(async (file) => {
      const { ports, store, targets, enqueue, deliveries } = await make(file, ['ws://hung', 'ws://slow'], {
        type: 'majority',
      });
      const [hung, slow] = targets as [FakeTarget, FakeTarget];
      hung.answer = 'never';
      slow.waitMs = 500;
      for (const key of ['a', 'b', 'c']) await enqueue(key);
      await settle(ports);
      expect([hung.ids.length, slow.ids.length]).toEqual([3, 0]);
      slow.waitMs = 0;
      await ports.advanceAsync(500);
      expect(states(store)).toEqual(['ws://hung in-flight 3', 'ws://slow accepted 3']);
      deliveries.stop();
      expect(ports.pending).toBe(0);
    });
  });

  test('O7 what is stored while a relay is full goes out when it says that there is room', async () => {
    await withFile(async (file) => {
      const { ports, store, targets, enqueue, deliveries } = await make(file, ['ws://one']);
      const [one] = targets as [FakeTarget];
      const first = await enqueue('a');
      await settle(ports);
      one.waitMs = undefined;
      const second = await enqueue('b');
      await settle(ports);
      expect(one.ids).toEqual([first]);
      one.waitMs = 0;
      deliveries.ready('ws://one');
      await settle(ports);
      expect([one.ids, states(store)]).toEqual([[first, second], ['ws://one accepted 2']]);
    });
  });

  test('O7 what is stored while what is due is being looked for goes out as well', async () => {
    await withFile(async (file) => {
      const { ports, store, targets, deliveries } = await make(file, ['ws://one']);
      const [one] = targets as [FakeTarget];
      await settle(ports);
      const event = sign({ content: 'meanwhile' });
      let isFirst = true;
      one.publishRoom = () => {
        // Between the look and what follows from it.
        if (isFirst) {
          queueMicrotask(() => {
            store.add('meanwhile', event, ['ws://one'], { type: 'all' });
            deliveries.wake('ws://one');
          });
        }
        isFirst = false;
        return 100;
      };
      deliveries.wake('ws://one');
      await settle(ports);
      expect(one.ids).toEqual([event.id]);
    });
  });

  test('O7 a relay that has room for few gets few at a time, and all of them in their order', async () => {
    await withFile(async (file) => {
      const { ports, store, targets, enqueue } = await make(file, ['ws://one']);
      const [one] = targets as [FakeTarget];
      one.waitMs = undefined;
      const ids = [];
      for (const key of ['a', 'b', 'c', 'd', 'e']) ids.push(await enqueue(key));
      one.room = 2;
      one.answer = 'never';
      one.waitMs = 300;
      await ports.advanceAsync(5_000);
      one.waitMs = 0;
      await ports.advanceAsync(300);
      expect(one.ids).toEqual(ids.slice(0, 2));
      await ports.advanceAsync(1);
      expect(one.ids).toEqual(ids.slice(0, 4));
      await ports.advanceAsync(1);
      expect([one.ids, states(store)]).toEqual([ids, ['ws://one in-flight 5']]);
    });
  });

  test('O7 a relay that takes nothing of what it has room for is asked again later, and not without end', async () => {
    await withFile(async (file) => {
      const { ports, targets, enqueue, deliveries } = await make(file, ['ws://one']);
      const [one] = targets as [FakeTarget];
      one.room = 1;
      one.answer = { outcome: 'retry', reason: 'not-sent', message: '' };
      for (const key of ['a', 'b', 'c']) await enqueue(key);
      for (let round = 0; round < 5; round += 1) await ports.advanceAsync(1_000);
      expect(one.ids.length).toBeGreaterThan(3);
      expect(one.ids.length).toBeLessThan(40);
      deliveries.stop();
    });
  });

  test('O3 what is sent is in flight in the file before, as every other process sees it', async () => {
    await withFile(async (file, name) => {
      const { ports, targets, enqueue } = await make(file, ['ws://one', 'ws://two']);
      const other = new Sqlite(name, { readonly: true });
      const state = other.prepare('select state from deliveries where event_id = ? and relay = ?').pluck();
      const seen: unknown[] = [];
      for (const target of targets) {
        const publish = target.publish.bind(target);
        target.publish = (event) => {
          seen.push(state.get(event.id, target.url));
          return publish(event);
        };
      }
      await Promise.all(['a', 'b', 'c'].map(enqueue));
      await settle(ports);
      expect(seen).toEqual(Array(6).fill('in-flight'));
      other.close();
    });
  });

  test('O9 a file that refuses a claim is asked again, and one that was closed is not', async () => {
    await withFile(async (file) => {
      const { ports, store, targets, enqueue, deliveries } = await make(file, ['ws://one']);
      const [one] = targets as [FakeTarget];
      one.waitMs = undefined;
      const id = await enqueue('a');
      file.sqlite.pragma('query_only = on');
      one.waitMs = 0;
      deliveries.wake('ws://one');
      await ports.advanceAsync(3_000);
      expect(one.ids).toEqual([]);
      expect(deliveries.counters.store_failures).toBeGreaterThan(2);
      file.sqlite.pragma('query_only = off');
      let answer: (verdict: Verdict) => void = () => {};
      one.publish = (event) => {
        one.ids.push(event.id);
        return new Promise((resolve) => {
          answer = resolve;
        });
      };
      await ports.advanceAsync(1_000);
      expect([one.ids, states(store)]).toEqual([[id], ['ws://one in-flight 1']]);
      deliveries.stop();
      file.close();
      answer(accepted);
      await settle(ports);
      expect(ports.pending).toBe(0);
    });
  });

  test('O7 what never left is no try, and is not tried again in the same moment', async () => {
    await withFile(async (file) => {
      const { ports, store, targets, enqueue } = await make(file, ['ws://one']);
      const [one] = targets as [FakeTarget];
      one.answer = { outcome: 'retry', reason: 'not-sent', message: '' };
      await enqueue('a');
      for (let round = 0; round < 9; round += 1) await ports.advanceAsync(1_000);
      expect(one.ids.length).toBeLessThan(15);
      expect(store.list('pending', 9)).toMatchObject([{ tries: 0 }]);
    });
  });

  test('O3 a late OK is written, and ends what would have been tried again', async () => {
    await withFile(async (file) => {
      const { ports, store, targets, standings, enqueue, deliveries } = await make(file, ['ws://one']);
      const [one] = targets as [FakeTarget];
      one.answer = { outcome: 'retry', reason: 'deadline', message: '' };
      const id = await enqueue('a');
      await settle(ports);
      deliveries.late('ws://one', id, retryNow);
      deliveries.late('ws://other', id, accepted);
      deliveries.late('ws://one', 'f'.repeat(64), accepted);
      expect(states(store)).toEqual(['ws://one pending 1']);
      deliveries.late('ws://one', id, accepted);
      await ports.advanceAsync(60_000);
      expect([one.ids.length, states(store), standings]).toEqual([1, ['ws://one accepted 1'], [[id, 'reached']]]);
      expect(deliveries.counters.late).toBe(1);
    });
  });

  test('O9 a verdict that the file refuses is written when it can be; nothing is sent twice for it', async () => {
    await withFile(async (file) => {
      const { ports, store, targets, enqueue, deliveries } = await make(file, ['ws://one']);
      const [one] = targets as [FakeTarget];
      let answer: (verdict: Verdict) => void = () => {};
      one.publish = (event) => {
        one.ids.push(event.id);
        return new Promise((resolve) => {
          answer = resolve;
        });
      };
      await enqueue('a');
      await settle(ports);
      file.sqlite.pragma('query_only = on');
      answer(accepted);
      await ports.advanceAsync(3_000);
      expect(states(store)).toEqual(['ws://one in-flight 1']);
      expect(deliveries.counters.store_failures).toBeGreaterThan(2);
      file.sqlite.pragma('query_only = off');
      await ports.advanceAsync(1_000);
      expect([states(store), one.ids.length]).toEqual([['ws://one accepted 1'], 1]);
    });
  });

  test.each([['before'], ['after']])(
    'O9 nothing is tried any more %s the end, also where the file is gone',
    async (when) => {
      await withFile(async (file) => {
        const { ports, targets, enqueue, deliveries } = await make(file, ['ws://one']);
        let answer: (verdict: Verdict) => void = () => {};
        (targets[0] as FakeTarget).publish = () =>
          new Promise((resolve) => {
            answer = resolve;
          });
        await enqueue('a');
        file.close();
        if (when === 'before') {
          answer(accepted);
          await settle(ports);
          deliveries.stop();
        } else {
          deliveries.stop();
          answer(accepted);
          await settle(ports);
        }
        expect(ports.pending).toBe(0);
      });
    },
  );

  test('O5 begins with what another process left in flight, and finds what another process put back', async () => {
    await withFile(async (file) => {
      const ports = manualPorts({ start: second * 1000 });
      const before = new OutboxStore(file, ports.clock);
      const outbox = new Outbox({ file, store: before, ports, signer: alice, signMs: 1_000 });
      const { event } = await outbox.enqueue({
        key: 'a',
        template: { kind: 1, tags: [], content: 'a' },
        relays: ['ws://one'],
        quorum: { type: 'all' },
      });
      before.claim('ws://one');
      const deliveries = new Deliveries(before, ports, settings);
      const target = new FakeTarget('ws://one');
      target.answer = blocked;
      deliveries.start([target]);
      await settle(ports);
      expect([target.ids, states(before)]).toEqual([[event.id], ['ws://one rejected 1']]);
      target.answer = accepted;
      before.move({ event_id: event.id, relay: 'ws://one', input: 'requeue', reason: 'requeued' });
      await ports.advanceAsync(5_000);
      expect([target.ids, states(before)]).toEqual([[event.id, event.id], ['ws://one accepted 1']]);
    });
  });
});
