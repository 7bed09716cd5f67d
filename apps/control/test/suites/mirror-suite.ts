import { SyncError } from '@autopilot/sync-contract';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMirrorQueue } from '../../src/mirror/mirror-queue.ts';
import { openStore } from '../../src/store/open-store.ts';
import { eventsFor, type Harness, startHarness } from '../support/harness.ts';
import type { NewPlace } from '../support/place.ts';
import { ScriptedDatabase } from '../support/scripted-database.ts';
import { type KhalaFault, ScriptedKhala } from '../support/scripted-khala.ts';
import { waitUntil } from '../support/wait-until.ts';

const fast = { poll: 5, backoff: { floorMs: 0, baseMs: 1, capMs: 4 } };
const keys = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `k${from + index}`);

/** What the mirror must do on every kind of store. */
export function mirrorSuite(place: NewPlace): void {
  const open: Harness[] = [];

  async function start(khala: ScriptedKhala, overrides: Parameters<typeof startHarness>[0] = {}): Promise<Harness> {
    const made = await startHarness({
      ...(await place()),
      khala: { url: 'http://khala.example' },
      openKhala: async () => khala.target(),
      mirror: fast,
      ...overrides,
    });
    open.push(made);
    return made;
  }

  afterEach(async () => {
    for (const each of open.splice(0)) await each.control.close();
  });

  const post = (it: Harness, topic: string, from: number, count: number) =>
    it.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor(topic, from, count) } });
  const series = async (it: Harness, name: string) =>
    Number(
      new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (.+)$`, 'm').exec((await it.request('GET', '/metrics')).text)?.[1],
    );

  describe('mirror into khala', () => {
    test('I11 khala gets every event once, in the order of acceptance, under the epoch that the database has', async () => {
      const khala = new ScriptedKhala();
      const it = await start(khala);
      await post(it, 'run:1', 0, 150);
      await post(it, 'run:2', 0, 40);
      await post(it, 'run:1', 150, 50);
      await waitUntil(() => khala.keys('run:1').length === 200 && khala.keys('run:2').length === 40);
      expect(khala.keys('run:1')).toEqual(keys(200));
      expect(khala.keys('run:2')).toEqual(keys(40));
      await waitUntil(() => it.database.keys('runtime.run.1').length === 200);
      const epochs = new Set(khala.workers.get('run:1')?.map((event) => event.epoch));
      expect([...epochs]).toEqual([it.database.epochs.get('runtime.run.1')]);
      expect(khala.workers.get('run:1')?.[7]).toMatchObject({ kind: 'item/completed', payload: '{"n":7}' });
      await waitUntil(async () => (await series(it, 'cutover_mirror_depth_events')) === 0);
      expect(await series(it, 'cutover_mirror_events_total{outcome="appended"}')).toBe(240);
      expect(await series(it, 'cutover_mirror_streams{state="on"}')).toBe(2);
    });

    test('I12 a khala that is away or hangs slows neither acceptance nor the database', async () => {
      const khala = new ScriptedKhala();
      khala.up = false;
      const it = await start(khala);
      expect((await post(it, 'run:1', 0, 30)).status).toBe(202);
      await waitUntil(() => it.database.keys('runtime.run.1').length === 30);
      await waitUntil(async () => (await series(it, 'cutover_mirror_events_total{outcome="retry"}')) >= 2);
      expect(await series(it, 'cutover_mirror_depth_events')).toBe(30);
      expect(await series(it, 'cutover_mirror_oldest_age_seconds')).toBeGreaterThan(0);
      let release = () => {};
      khala.gate = new Promise((resolve) => {
        release = resolve;
      });
      khala.up = true;
      expect((await post(it, 'run:1', 30, 10)).status).toBe(202);
      await waitUntil(() => it.database.keys('runtime.run.1').length === 40);
      expect(khala.keys('run:1')).toEqual([]);
      release();
      await waitUntil(() => khala.keys('run:1').length === 40);
      expect(khala.keys('run:1')).toEqual(keys(40));
    });

    test('I11 whatever is lost whenever, over crashes, khala has every event once and in order', async () => {
      const fault = fc.constantFrom<KhalaFault | undefined>('lost-answer', 'not-sent', undefined, undefined);
      const life = fc.record({ events: fc.integer({ min: 1, max: 8 }), faults: fc.array(fault, { maxLength: 12 }) });
      await fc.assert(
        fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 3 }), async (lives) => {
          const khala = new ScriptedKhala();
          const scripted = new ScriptedDatabase();
          const where = await place();
          let sent = 0;
          for (const { events, faults } of [...lives, { events: 1, faults: [] }]) {
            const script = [...faults];
            khala.fault = () => script.shift();
            const it = await start(khala, { ...where, scripted });
            await post(it, 'run:1', sent, events);
            sent += events;
            // Ends it anywhere: with the script played or not, receipts stored or not.
            await waitUntil(() => script.length <= 1 || khala.keys('run:1').length >= sent);
            if (faults.length === 0)
              await waitUntil(async () => (await series(it, 'cutover_mirror_depth_events')) === 0);
            await it.control.close();
          }
          expect(khala.keys('run:1')).toEqual(keys(sent));
        }),
        { numRuns: 6 },
      );
    }, 60_000);

    test('I13 a stream of which khala has missed an event gets no more: full, refused, off, or another epoch', async () => {
      const khala = new ScriptedKhala();
      khala.up = false;
      const where = await place();
      const scripted = new ScriptedDatabase();
      const it = await start(khala, { ...where, scripted, mirrorCapacity: 10 });
      await post(it, 'run:full', 0, 8);
      expect((await post(it, 'run:full', 8, 8)).status).toBe(202);
      khala.fault = (event) => (event.idempotency_key === 'k1' ? new SyncError('payload_too_large', 'no') : undefined);
      khala.up = true;
      await waitUntil(() => khala.keys('run:full').length >= 1);
      await waitUntil(async () => (await series(it, 'cutover_mirror_depth_events')) === 0);
      khala.fault = () => undefined;
      await post(it, 'run:full', 16, 3);
      await post(it, 'run:life', 0, 2);
      await waitUntil(() => khala.keys('run:life').length === 2 && scripted.keys('runtime.run.life').length === 2);
      await waitUntil(async () => (await series(it, 'cutover_outbox_depth_events')) === 0);
      expect(khala.keys('run:full')).toEqual(['k0']);
      // The database makes the stream anew, in another epoch.
      scripted.streams.delete('runtime.run.life');
      it.sink.become('backoff');
      it.sink.become('live');
      await post(it, 'run:life', 2, 1);
      await waitUntil(async () => (await series(it, 'cutover_mirror_streams{state="broken"}')) === 2);
      await post(it, 'run:off', 0, 1);
      await waitUntil(() => khala.keys('run:off').length === 1);
      await it.control.close();

      // Without khala there is nothing to leave: a cutover that begins there.
      const between = await openStore({ dataDir: where.dataDir, url: where.store });
      await between.db.deleteFrom('cutover_state').execute();
      await between.close();
      const without = await startHarness({ ...where, scripted });
      open.push(without);
      await post(without, 'run:off', 1, 1);
      await post(without, 'run:never', 0, 1);
      expect(await series(without, 'cutover_mirror_streams{state="broken"}')).toBe(3);
      expect(await series(without, 'cutover_mirror_streams{state="on"}')).toBe(0);
      await without.control.close();
      const store = await openStore({ dataDir: where.dataDir, url: where.store });
      const rows = await store.db.selectFrom('stream').select(['stream_id', 'mirror', 'mirror_reason']).execute();
      expect(Object.fromEntries(rows.map((row) => [row.stream_id, `${row.mirror} ${row.mirror_reason}`]))).toEqual({
        'runtime.run.full': 'broken refused',
        'runtime.run.life': 'broken epoch',
        'runtime.run.off': 'broken off',
        'runtime.run.never': 'off null',
      });
      await store.close();
    });

    test('I11 only one replica writes to khala, and another takes over when it falls silent', async () => {
      const ports = manualPorts();
      const where = await place();
      const store = await openStore({ dataDir: where.dataDir, url: where.store });
      const queue = createMirrorQueue(store, ports.clock);
      expect(await queue.acquire('a', 1_000)).toBe(true);
      expect(await queue.acquire('b', 1_000)).toBe(false);
      ports.advance(900);
      expect(await queue.acquire('a', 1_000)).toBe(true);
      ports.advance(900);
      expect(await queue.acquire('b', 1_000)).toBe(false);
      ports.advance(200);
      expect(await queue.acquire('b', 1_000)).toBe(true);
      expect(await queue.acquire('a', 1_000)).toBe(false);
      await queue.release('a');
      expect(await queue.acquire('a', 1_000)).toBe(false);
      await queue.release('b');
      expect(await queue.acquire('a', 1_000)).toBe(true);
      await store.close();
    });

    test('events of streams that began before the mirror are not mirrored', async () => {
      const scripted = new ScriptedDatabase();
      const where = await place();
      const before = await startHarness({ ...where, scripted });
      await post(before, 'run:old', 0, 1);
      await before.control.close();
      const khala = new ScriptedKhala();
      const it = await start(khala, { ...where, scripted });
      await post(it, 'run:old', 1, 1);
      await post(it, 'run:new', 0, 1);
      await waitUntil(() => khala.keys('run:new').length === 1);
      expect(khala.keys('run:old')).toEqual([]);
    });
  });
}
