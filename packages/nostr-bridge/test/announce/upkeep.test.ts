import { type ManualPorts, manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { announcementKind, announcementTemplate } from '../../src/announce/announcement.ts';
import { KeptStore } from '../../src/announce/kept-store.ts';
import { Upkeep } from '../../src/announce/upkeep.ts';
import { type Announcement, type BridgeFile, Outbox, OutboxStore, type Signer } from '../../src/index.ts';
import { withFile } from '../support/bridge-file.ts';
import { alice, second } from '../support/events.ts';

const url = 'ws://one';
const desk: Announcement = { id: 'desk', kinds: [5_050] };
const other: Announcement = { id: 'desk', kinds: [5_051] };
const coordinate = `31990:${alice.pubkey}:desk`;

/** One life of an upkeep on a file. */
function live(
  file: BridgeFile,
  ports: ManualPorts = manualPorts({ start: second * 1000 }),
  signer: Signer = alice,
  relays = [url],
) {
  const store = new OutboxStore(file, ports.clock);
  const outbox = new Outbox({ file, store, ports, signer, signMs: 500 });
  const kept = new KeptStore(file);
  const superseded: string[] = [];
  const upkeep = new Upkeep({
    kept,
    outbox,
    ports,
    relays,
    quorum: { type: 'all' },
    refreshMs: 60_000,
    superseded: (id) => {
      superseded.push(id);
      store.supersede(id);
    },
  });
  upkeep.start();
  return {
    ports,
    kept,
    upkeep,
    superseded,
    want: (...announcements: Announcement[]) => upkeep.want(announcementKind, announcements.map(announcementTemplate)),
    /** What goes out, in its order. */
    sent: () => {
      const out = [];
      for (let next = store.claim(url); next !== undefined; next = store.claim(url)) out.push(next.event);
      return out;
    },
  };
}

const kinds = (tags: readonly (readonly string[])[]) => tags.filter(([name]) => name === 'k').map(([, kind]) => kind);

describe('upkeep', () => {
  test('A2 publishes once per content, over looks and lives, and again when it is old', () =>
    withFile(async (file) => {
      const first = live(file);
      first.want(desk);
      first.want(desk);
      await first.ports.advanceAsync(50_000);
      const [event, ...more] = first.sent();
      expect([event?.kind, event?.created_at, more]).toEqual([31_990, second, []]);
      first.upkeep.stop();
      expect(first.ports.pending).toBe(0);
      const again = live(file, first.ports);
      again.want(desk);
      await again.ports.advanceAsync(5_000);
      expect([again.sent(), again.upkeep.counters.published]).toEqual([[], 0]);
      await again.ports.advanceAsync(10_000);
      const [refreshed, ...none] = again.sent();
      expect(none).toEqual([]);
      expect([refreshed?.tags, refreshed?.created_at]).toEqual([event?.tags, second + 60]);
    }));

  test('A2 is published again where its relays are others than before, and not where they are named in another order', () =>
    withFile(async (file) => {
      const first = live(file);
      const counts = [];
      for (const relays of [[url], [url, 'ws://two'], ['ws://two', url], [url]]) {
        const { upkeep, want, ports } = live(file, first.ports, alice, relays);
        want(desk);
        await ports.advanceAsync(10);
        upkeep.stop();
        counts.push(upkeep.counters.published);
      }
      expect(counts).toEqual([1, 1, 0, 1]);
      first.upkeep.stop();
    }));

  test('A2 what changed is published, also back to what it was before', () =>
    withFile(async (file) => {
      const { ports, want, sent } = live(file);
      const seen = [];
      for (const one of [desk, other, desk]) {
        want(one);
        await ports.advanceAsync(2_000);
        seen.push(...sent().map(({ tags }) => kinds(tags)));
      }
      expect(seen).toEqual([['5050'], ['5051'], ['5050']]);
    }));

  test('A3 two of one second rise in time, in one life and over two, and one after a deletion is later than it', () =>
    withFile(async (file) => {
      const ports = manualPorts({ start: second * 1000 });
      const times: number[] = [];
      // Four lives of some milliseconds, all within one second.
      for (const wanted of [[desk], [other], [], [desk]]) {
        const { upkeep, want, sent } = live(file, ports);
        want(...wanted);
        await ports.advanceAsync(1);
        times.push(...sent().map(({ created_at }) => created_at));
        upkeep.stop();
      }
      expect(times).toEqual([second, second + 1, second + 2, second + 3]);
      expect(new KeptStore(file).all()).toMatchObject([{ coordinate, state: 'published', created_at: second + 3 }]);
    }));

  test('A3 the last of many changes in a second goes out, and no more of them than one a second', () =>
    withFile(async (file) => {
      const { ports, want, sent, superseded } = live(file);
      for (let kind = 5_000; kind < 5_100; kind += 1) {
        want({ id: 'desk', kinds: [kind] });
        await ports.advanceAsync(10);
      }
      await ports.advanceAsync(2_000);
      // The first of them was not sent yet when the last one replaced it.
      expect(sent().map(({ tags }) => kinds(tags))).toEqual([['5099']]);
      expect(superseded).toHaveLength(1);
    }));

  test('A3 what changed while a signature was waited for goes out a second later', () =>
    withFile(async (file) => {
      let sign = () => {};
      const slow: Signer['sign'] = (template) =>
        new Promise((resolve) => {
          sign = () => resolve(alice.sign(template));
        });
      const { ports, want, sent } = live(file, undefined, { pubkey: alice.pubkey, sign: slow });
      want(desk);
      await ports.advanceAsync(100);
      want(other);
      sign();
      await ports.advanceAsync(900);
      sign();
      await ports.advanceAsync(100);
      expect(sent().map(({ tags }) => kinds(tags))).toEqual([['5051']]);
    }));

  test('A4 withdraws by a deletion that names every version, once, and nothing that its owner never spoke of', () =>
    withFile(async (file) => {
      const first = live(file);
      first.want(desk, { id: 'shelf', kinds: [1] });
      await first.ports.advanceAsync(1);
      expect(first.sent()).toHaveLength(2);
      first.upkeep.stop();
      const silent = live(file, first.ports);
      await silent.ports.advanceAsync(120_000);
      expect(silent.sent()).toEqual([]);
      silent.upkeep.stop();
      const { ports, want, sent, kept, upkeep } = live(file, first.ports);
      want({ id: 'shelf', kinds: [2] });
      await ports.advanceAsync(10_000);
      const [changed, deletion, ...none] = sent();
      expect(none).toEqual([]);
      expect(kinds(changed?.tags ?? [])).toEqual(['2']);
      expect([deletion?.kind, deletion?.tags]).toEqual([
        5,
        [
          ['a', coordinate],
          ['k', '31990'],
        ],
      ]);
      expect(deletion?.created_at).toBeGreaterThan(second);
      want();
      await ports.advanceAsync(60_000);
      expect(sent().map(({ tags }) => tags[0])).toEqual([['a', `31990:${alice.pubkey}:shelf`]]);
      expect(kept.all().map(({ state }) => state)).toEqual(['withdrawn', 'withdrawn']);
      expect(upkeep.counters).toEqual({ published: 1, withdrawn: 2, failures: 0 });
    }));

  test('A2 a signer or a file that fails is tried again, and holds up nothing else', () =>
    withFile(async (file) => {
      let isWell = false;
      const sign: Signer['sign'] = (template) => {
        if (!isWell && template.tags[0]?.[1] === 'desk') throw new Error('no');
        return alice.sign(template);
      };
      const { ports, want, sent, upkeep } = live(file, undefined, { pubkey: alice.pubkey, sign });
      want(desk, { id: 'shelf', kinds: [1] });
      await ports.advanceAsync(1);
      expect(sent().map(({ tags }) => tags[0]?.[1])).toEqual(['shelf']);
      isWell = true;
      file.sqlite.pragma('query_only = on');
      await ports.advanceAsync(10_000);
      expect(upkeep.counters.failures).toBeGreaterThan(1);
      file.sqlite.pragma('query_only = off');
      await ports.advanceAsync(5_000);
      expect(sent().map(({ tags }) => tags[0]?.[1])).toEqual(['desk']);
    }));

  test('A2 a clock that was set back makes a version that is later than the one before', () =>
    withFile(async (file) => {
      const first = live(file);
      first.want(desk);
      await first.ports.advanceAsync(1);
      first.upkeep.stop();
      const { ports, want, sent } = live(file, manualPorts({ start: (second - 3_600) * 1000 }));
      want(desk);
      await ports.advanceAsync(30_000);
      expect(sent().map(({ created_at }) => created_at)).toEqual([second + 1]);
    }));
});
