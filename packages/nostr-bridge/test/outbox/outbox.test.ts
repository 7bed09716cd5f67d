import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { type BridgeFile, Outbox, OutboxStore, type Outgoing, type Signer } from '../../src/index.ts';
import { codeOf, withFile } from '../support/bridge-file.ts';
import { alice, second, sign } from '../support/events.ts';

const relays = ['ws://one', 'ws://two', 'ws://three'];
const outgoing = (changes: Partial<Outgoing> = {}): Outgoing => ({
  key: 'k',
  template: { kind: 1, tags: [], content: 'hello' },
  relays,
  quorum: { type: 'majority' },
  ...changes,
});

function make(file: BridgeFile, signer: Signer = alice) {
  const ports = manualPorts({ start: second * 1000 });
  const store = new OutboxStore(file, ports.clock);
  return { ports, store, outbox: new Outbox({ file, store, ports, signer, signMs: 1_000 }) };
}

describe('the outbox', () => {
  test('O1 builds an event once: the same key later is the same event, with the time of the first call', async () => {
    await withFile(async (file) => {
      const { ports, outbox } = make(file);
      const first = await outbox.enqueue(outgoing());
      expect(first.event.created_at).toBe(second);
      ports.advance(60_000);
      expect(await outbox.enqueue(outgoing())).toEqual({ event: first.event, isRepeated: true });
      expect(await codeOf(() => outbox.enqueue(outgoing({ template: { kind: 1, tags: [], content: 'other' } })))).toBe(
        'idempotency_conflict',
      );
      const x = outgoing({ key: 'x', template: { kind: 1, tags: [], content: 'x' } });
      const both = await Promise.all([outbox.enqueue(x), outbox.enqueue(x)]);
      expect(both.map(({ isRepeated }) => isRepeated)).toEqual([false, true]);
      expect(both[0]?.event.id).toBe(both[1]?.event.id);
    });
  });

  test.each<[string, Signer['sign']]>([
    ['throws', () => Promise.reject(new Error('no'))],
    ['never answers', () => new Promise(() => {})],
    ['gives another content', (template) => alice.sign({ ...template, content: 'evil' })],
    ['gives another time', (template) => alice.sign({ ...template, created_at: 5 })],
    ['gives no event', () => ({ id: 1 }) as never],
    ['gives a wrong id', async (template) => ({ ...(await alice.sign(template)), id: 'f'.repeat(64) })],
  ])('O1 a signer that %s stores nothing', async (_what, failing) => {
    await withFile(async (file) => {
      const { ports, store, outbox } = make(file, { pubkey: alice.pubkey, sign: failing });
      const code = codeOf(() => outbox.enqueue(outgoing()));
      await ports.advanceAsync(1_000);
      expect(await code).toBe('signer_failed');
      expect(store.counts()).toEqual([]);
    });
  });

  test('O1 two keys are two events: what says the same in the same second is dated a second later', async () => {
    await withFile(async (file) => {
      const { outbox } = make(file);
      const events = [];
      for (const key of ['a', 'b', 'c']) events.push((await outbox.enqueue(outgoing({ key }))).event);
      expect(events.map(({ created_at }) => created_at)).toEqual([second, second + 1, second + 2]);
      expect(await outbox.enqueue(outgoing({ key: 'b' }))).toEqual({ event: events[1], isRepeated: true });
      const template = { kind: 1, tags: [], content: 'hello', created_at: second };
      expect(await codeOf(() => outbox.enqueue(outgoing({ key: 'd', template })))).toBe('idempotency_conflict');
    });
  });

  test('O1 what cannot be an event is refused before it is signed', async () => {
    await withFile(async (file) => {
      const { outbox } = make(file);
      for (const template of [
        { kind: -1, tags: [], content: '' },
        { kind: 1, tags: [[5]], content: '' },
        { kind: 1, tags: [], content: 'x'.repeat(600_000) },
      ]) {
        expect(await codeOf(() => outbox.enqueue(outgoing({ template: template as never })))).toBe('invalid_event');
      }
      expect(await codeOf(() => outbox.enqueue(outgoing({ relays: ['http://one'] })))).toBe('invalid_option');
    });
  });

  test('O2 what is written along is there exactly if the event is', async () => {
    await withFile(async (file) => {
      const { store, outbox } = make(file);
      const fail = () => {
        throw new Error('no');
      };
      expect(await codeOf(() => outbox.enqueue(outgoing(), fail))).toBe('internal');
      expect([store.byKey('k'), store.counts()]).toEqual([undefined, []]);
    });
  });

  test('O3 moves only as the table says, and a relay speaks only of what it was sent', async () => {
    await withFile(async (file) => {
      const { ports, store, outbox } = make(file);
      const { event } = await outbox.enqueue(outgoing());
      const move = (input: Parameters<OutboxStore['move']>[0]['input'], relay = 'ws://one') =>
        store.move({ event_id: event.id, relay, input, reason: input })?.to;
      expect([move('accept'), move('reject'), move('retry'), move('requeue')]).toEqual(Array(4).fill(undefined));
      expect(store.claim('ws://one')).toEqual({ event, tries: 1 });
      expect(store.claim('ws://one')).toBeUndefined();
      expect(move('release')).toBe('pending');
      expect(store.list('pending', 9).find(({ relay }) => relay === 'ws://one')).toMatchObject({ tries: 0 });
      expect(store.claim('ws://one')).toMatchObject({ tries: 1 });
      expect(move('retry')).toBe('pending');
      // The answer to the first try comes late.
      expect(move('accept')).toBe('accepted');
      for (const input of ['claim', 'reject', 'retry', 'release', 'recover', 'exhaust', 'requeue'] as const) {
        expect(move(input)).toBeUndefined();
      }
      store.claim('ws://two');
      expect(move('exhaust', 'ws://two')).toBe('dead');
      ports.advance(5);
      expect(move('requeue', 'ws://two')).toBe('pending');
      expect(store.list('pending', 9)[1]).toMatchObject({ relay: 'ws://two', tries: 0, since_ms: second * 1000 + 5 });
      expect(store.move({ event_id: 'none', relay: 'ws://one', input: 'claim', reason: '' })).toBeUndefined();
    });
  });

  test('O4 tells how the event stands with every move, and late acceptance still counts', async () => {
    await withFile(async (file) => {
      const { store, outbox } = make(file);
      const { event } = await outbox.enqueue(outgoing());
      const move = (relay: string, input: 'accept' | 'reject' | 'exhaust') =>
        store.move({ event_id: event.id, relay, input, reason: '' });
      for (const relay of relays) store.claim(relay);
      expect(move('ws://one', 'accept')).toMatchObject({ standing: 'open', isNewStanding: false });
      expect(move('ws://two', 'reject')).toMatchObject({ standing: 'open' });
      expect(move('ws://three', 'exhaust')).toMatchObject({ standing: 'missed', isNewStanding: true });
      expect(store.standings()).toEqual({ open: 0, reached: 0, missed: 1 });
      expect(move('ws://three', 'accept')).toMatchObject({ standing: 'reached', isNewStanding: true });
      expect(store.standingOf(event.id)).toBe('reached');
    });
  });

  test('O5 what a process had in flight is pending again, with its tries', async () => {
    await withFile(async (file) => {
      const { store, outbox } = make(file);
      await outbox.enqueue(outgoing());
      store.claim('ws://one');
      expect(store.recover()).toBe(1);
      expect(store.claim('ws://one')).toMatchObject({ tries: 2 });
    });
  });

  test('O7 what is due at the same moment goes out in the order of being stored', async () => {
    await withFile(async (file) => {
      const { store, outbox } = make(file);
      const stored = [];
      for (let number = 0; number < 12; number += 1) {
        const template = { kind: 1, tags: [], content: `${number}` };
        stored.push((await outbox.enqueue(outgoing({ key: `${number}`, template }))).event.id);
      }
      const claimed = stored.map(() => store.claim('ws://one')?.event.id);
      expect(claimed).toEqual(stored);
    });
  });

  test('O6 gives up what has been pending for too long, a part at a time', async () => {
    await withFile(async (file) => {
      const { ports, store, outbox } = make(file);
      await outbox.enqueue(outgoing());
      ports.advance(1_000);
      expect(store.expire(1_000, 10)).toEqual([]);
      ports.advance(1);
      expect(store.expire(1_000, 2)).toHaveLength(2);
      expect(store.expire(1_000, 2)).toMatchObject([{ to: 'dead', standing: 'missed' }]);
      expect(store.counts().map(({ state, number }) => [state, number])).toEqual(Array(3).fill(['dead', 1]));
    });
  });

  test('A3 what is pending of a superseded event is given up, and what is in flight is waited for', async () => {
    await withFile(async (file) => {
      const { store, outbox } = make(file);
      const { event } = await outbox.enqueue(outgoing());
      store.claim('ws://one');
      expect(store.supersede(event.id)).toMatchObject([{ to: 'dead' }, { to: 'dead', standing: 'missed' }]);
      expect(store.counts().map(({ state }) => state)).toEqual(['in-flight', 'dead', 'dead']);
      expect(store.supersede('none')).toEqual([]);
    });
  });

  test('O8 removes what settled long ago, and never what is still to be delivered', async () => {
    await withFile(async (file) => {
      const { ports, store, outbox } = make(file);
      const done = await outbox.enqueue(outgoing({ key: 'done' }));
      const half = await outbox.enqueue(outgoing({ key: 'half', template: { kind: 1, tags: [], content: 'half' } }));
      for (const relay of relays) for (let time = 0; time < 2; time += 1) store.claim(relay);
      for (const relay of relays) store.move({ event_id: done.event.id, relay, input: 'accept', reason: '' });
      for (const relay of relays.slice(1)) store.move({ event_id: half.event.id, relay, input: 'accept', reason: '' });
      store.move({ event_id: half.event.id, relay: 'ws://one', input: 'retry', reason: '' });
      expect(store.prune(1_000, 10)).toBe(0);
      ports.advance(1_001);
      expect(store.prune(1_000, 10)).toBe(1);
      expect([store.byKey('done'), store.byKey('half')?.id]).toEqual([undefined, half.event.id]);
      expect(store.list('accepted', 9)).toHaveLength(2);
    });
  });

  test('O9 a file that is full refuses an event whole, and goes on with what it has', async () => {
    await withFile(
      async (file) => {
        const { store, outbox } = make(file);
        let stored = 0;
        const large = (key: string) =>
          outgoing({ key, template: { kind: 1, tags: [], content: key + 'x'.repeat(20_000) } });
        let code = '';
        while (code === '') {
          try {
            await outbox.enqueue(large(`k${stored}`));
            stored += 1;
          } catch (error) {
            code = (error as { code: string }).code;
          }
        }
        expect(code).toBe('disk_full');
        expect(stored).toBeGreaterThan(1);
        expect(store.list('pending', 1_000)).toHaveLength(stored * relays.length);
      },
      { maxBytes: 400_000 },
    );
  });
});

test('O1 the stored text is the event: a signature that others verify', async () => {
  await withFile(async (file) => {
    const { store, outbox } = make(file);
    const { event } = await outbox.enqueue(outgoing());
    expect(store.byKey('k')).toEqual(event);
    expect(event).toEqual(sign({ content: 'hello' }));
  });
});
