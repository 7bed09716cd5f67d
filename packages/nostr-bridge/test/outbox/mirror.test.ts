import type { StreamPosition, SyncEvent } from '@autopilot/sync-contract';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { sampleEvent } from '@autopilot/testing/sample-events';
import { describe, expect, test } from '@jest/globals';
import {
  type BridgeFile,
  type EventTemplate,
  type Journal,
  Mirror,
  type MirrorParts,
  mirrorNothing,
  Outbox,
  OutboxStore,
} from '../../src/index.ts';
import { withFile } from '../support/bridge-file.ts';
import { alice, second } from '../support/events.ts';

const stream_id = 'runtime.run.1.events';
const events = (count: number, changes: Partial<SyncEvent> = {}) =>
  Array.from({ length: count }, (_, index) => sampleEvent(index + 1, { stream_id, ...changes }));

/** A journal in memory. */
class FakeJournal implements Journal {
  readonly reads: (StreamPosition | undefined)[] = [];
  streamEvents = new Map<string, readonly SyncEvent[]>([[stream_id, events(10)]]);
  before: (stream: string) => void | Promise<void> = () => {};

  streams(): string[] {
    return [...this.streamEvents.keys()];
  }

  async read(stream: string, after: StreamPosition | undefined, limit: number) {
    await this.before(stream);
    this.reads.push(after);
    const all = this.streamEvents.get(stream) ?? [];
    const epoch = all[0]?.epoch ?? '';
    const rest = all.filter(({ seq }) => after?.epoch !== epoch || seq > after.seq);
    return { epoch, events: rest.slice(0, limit), more: rest.length > limit };
  }
}

/** Every second event leaves. */
const policy: MirrorParts['policy'] = (event) =>
  event.seq % 2n === 0n
    ? undefined
    : {
        template: {
          kind: 30_078,
          tags: [['d', `${event.stream_id} ${event.epoch} ${event.seq}`]],
          content: event.payload,
        },
        relays: ['ws://one'],
        quorum: { type: 'all' },
      };

function make(file: BridgeFile, changes: Partial<MirrorParts> = {}) {
  const ports = manualPorts({ start: second * 1000 });
  const store = new OutboxStore(file, ports.clock);
  const outbox = new Outbox({ file, store, ports, signer: alice, signMs: 1_000 });
  const journal = new FakeJournal();
  const parts = { file, outbox, journal, policy, ports, pageSize: 3, readMs: 1_000, pollMs: 5_000, maxPending: 100 };
  const mirror = new Mirror({ ...parts, ...changes });
  return { ports, store, outbox, journal, mirror };
}

describe('the mirror', () => {
  test('M1 stores what the policy says, once, and remembers its place with it', async () => {
    await withFile(async (file) => {
      const { mirror, store, journal } = make(file);
      await mirror.round();
      expect(mirror.counters).toMatchObject({ read: 10, mirrored: 5, skipped: 5, failures: 0 });
      expect(mirror.position(stream_id)).toEqual({ epoch: events(1)[0]?.epoch, seq: 10n });
      const again = make(file);
      await again.mirror.round();
      expect([again.mirror.counters.read, store.list('pending', 99).length]).toEqual([0, 5]);
      expect(journal.reads).toHaveLength(4);
    });
  });

  test('M1 nothing leaves where nobody says so', async () => {
    await withFile(async (file) => {
      const { mirror, store } = make(file, { policy: mirrorNothing });
      await mirror.round();
      expect([mirror.counters.skipped, store.counts()]).toEqual([10, []]);
    });
  });

  test('M2 a place that was lost is read again and stores nothing twice', async () => {
    await withFile(async (file) => {
      const { mirror, store } = make(file);
      await mirror.round();
      file.sqlite.exec('delete from journal_positions');
      await mirror.round();
      expect([mirror.counters.mirrored, store.list('pending', 99).length]).toEqual([5, 5]);
    });
  });

  test('M2 another epoch is read from its beginning', async () => {
    await withFile(async (file) => {
      const { mirror, journal } = make(file);
      await mirror.round();
      journal.streamEvents.set(stream_id, events(2, { epoch: 'rebuilt' }));
      await mirror.round();
      expect(mirror.position(stream_id)).toEqual({ epoch: 'rebuilt', seq: 2n });
      expect(mirror.counters.mirrored).toBe(6);
    });
  });

  test.each<[string, Partial<FakeJournal>]>([
    ['throws', { before: () => Promise.reject(new Error('no')) }],
    ['hangs', { before: (stream) => (stream === stream_id ? new Promise(() => {}) : undefined) }],
    ['goes back', { streamEvents: new Map([[stream_id, [...events(2), ...events(1)]]]) }],
    ['mixes streams', { streamEvents: new Map([[stream_id, events(2, { stream_id: 'other.stream' })]]) }],
  ])('M3 a journal that %s is counted and tried again, and holds no other stream', async (what, changes) => {
    await withFile(async (file) => {
      const { mirror, journal, ports } = make(file);
      Object.assign(journal, changes);
      if (what !== 'throws') journal.streamEvents.set('z.good', events(1, { stream_id: 'z.good' }));
      mirror.start();
      for (let turn = 0; turn < 20; turn += 1) await ports.advanceAsync(50);
      expect(mirror.lastFailure).toMatchObject({ code: 'journal_failed' });
      if (what !== 'throws') expect(mirror.position('z.good')).toMatchObject({ seq: 1n });
      Object.assign(journal, { before: () => {}, streamEvents: new Map([[stream_id, events(10)]]) });
      // In small steps: deadlines are of this time too.
      for (let step = 0; step < 130; step += 1) await ports.advanceAsync(50);
      expect(mirror.position(stream_id)).toMatchObject({ seq: 10n });
      mirror.stop();
      expect(ports.pending).toBe(0);
    });
  });

  test('M3 an event that can never be built, or a policy that throws, holds nothing up', async () => {
    await withFile(async (file) => {
      const broken: MirrorParts['policy'] = (event) => {
        if (event.seq === 2n) throw new Error('no');
        const kind = event.seq === 3n ? -1 : 1;
        return {
          template: { kind, tags: [['d', `${event.seq}`]], content: '' },
          relays: ['ws://one'],
          quorum: { type: 'all' },
        };
      };
      const { mirror } = make(file, { policy: broken });
      await mirror.round();
      expect(mirror.counters).toMatchObject({ read: 10, mirrored: 8, refused: 2 });
      expect(mirror.position(stream_id)).toMatchObject({ seq: 10n });
    });
  });

  test('M1 a page is stored at once, up to the first event that may go well later', async () => {
    await withFile(async (file) => {
      let isAway = false;
      const signer = {
        pubkey: alice.pubkey,
        sign: (template: EventTemplate) => {
          if (isAway && template.content === '5') throw new Error('away');
          return alice.sign(template);
        },
      };
      const all: MirrorParts['policy'] = ({ seq }) => ({
        template: { kind: 1, tags: [], content: `${seq}` },
        relays: ['ws://one'],
        quorum: { type: 'all' },
      });
      const { store, ports } = make(file);
      const outbox = new Outbox({ file, store, ports, signer, signMs: 1_000 });
      const told: (readonly string[])[] = [];
      outbox.onStored((relays) => told.push(relays));
      const { mirror } = make(file, { outbox, policy: all, pageSize: 4 });
      isAway = true;
      await mirror.round();
      expect(mirror.position(stream_id)).toMatchObject({ seq: 4n });
      expect([mirror.counters.mirrored, mirror.lastFailure?.code, told]).toEqual([4, 'signer_failed', [['ws://one']]]);
      isAway = false;
      await mirror.round();
      expect(mirror.position(stream_id)).toMatchObject({ seq: 10n });
      expect([mirror.counters.read, mirror.counters.mirrored, told.length]).toEqual([10, 10, 3]);
    });
  });

  test('O1 two events of a page that say the same are two events', async () => {
    await withFile(async (file) => {
      const same: MirrorParts['policy'] = () => ({
        template: { kind: 1, tags: [], content: 'the same' },
        relays: ['ws://one'],
        quorum: { type: 'all' },
      });
      const { mirror, store } = make(file, { policy: same });
      await mirror.round();
      const ids = new Set(store.list('pending', 99).map(({ event_id }) => event_id));
      expect([ids.size, mirror.counters.mirrored, mirror.counters.refused]).toEqual([10, 10, 0]);
    });
  });

  test('M1 of a page that the file refuses in part, what was before is stored, and the rest is read again', async () => {
    await withFile(async (file) => {
      const { mirror, store } = make(file);
      file.sqlite.exec(`create trigger refused before insert on journal_positions when new.seq = '3' begin
        select raise(abort, 'no'); end`);
      await mirror.round();
      expect(mirror.position(stream_id)).toMatchObject({ seq: 2n });
      file.sqlite.exec('drop trigger refused');
      await mirror.round();
      expect([mirror.position(stream_id)?.seq, store.list('pending', 99).length]).toEqual([10n, 5]);
      expect(mirror.counters).toMatchObject({ read: 10, mirrored: 5, skipped: 5 });
    });
  });

  test('M4 reads nothing while too much is pending, and goes on after', async () => {
    await withFile(async (file) => {
      const { mirror, store } = make(file, { maxPending: 2, pageSize: 1 });
      await mirror.round();
      expect([store.list('pending', 99).length, mirror.counters.full]).toEqual([2, 1]);
      while (store.claim('ws://one'));
      for (const { event_id, relay } of store.list('in-flight', 99))
        store.move({ event_id, relay, input: 'accept', reason: '' });
      await mirror.round();
      expect(store.list('pending', 99)).toHaveLength(2);
    });
  });
});
