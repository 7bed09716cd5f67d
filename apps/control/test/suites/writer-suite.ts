import { extendChain, genesisChain, SyncError } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { afterEach, describe, expect, test } from '@jest/globals';
import { parseClients } from '../../src/config/clients-file.ts';
import { createDeadLetters } from '../../src/projections/dead-letters.ts';
import type { NewPlace } from '../support/place.ts';
import { ScriptedDatabase } from '../support/scripted-database.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type BenchOptions, drafts, openBench, type WriterBench } from '../support/writer-bench.ts';

/** What the writer must do on every kind of store. */
export function writerSuite(place: NewPlace): void {
  const a = 'runtime.run.a';
  const b = 'runtime.run.b';
  const open = new Set<WriterBench>();

  async function bench(options: Partial<BenchOptions> = {}): Promise<WriterBench & { database: ScriptedDatabase }> {
    const database = options.database ?? new ScriptedDatabase();
    const made = await openBench({ ...(await place()), ports: systemPorts, ...options, database });
    open.add(made);
    return { ...made, database };
  }

  afterEach(async () => {
    for (const each of open) await each.close();
    open.clear();
  });

  function begin({ sink, writer }: WriterBench): void {
    sink.start();
    writer.start();
  }

  const drained = async ({ outbox }: WriterBench) => (await outbox.depth()).pending === 0;
  const keys = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `k${from + index}`);

  /** The chain that a stream must have after these drafts, and nothing else, from its first sequence. */
  function chainOf(streamId: string, events: ReturnType<typeof drafts>): string {
    return events.reduce(
      (chain, event, index) => extendChain(chain, { ...event, seq: BigInt(index + 1) }),
      genesisChain(streamId),
    );
  }

  describe('projection writer', () => {
    test('I3 delivers each stream in the order of acceptance and computes its chain', async () => {
      const it = await bench();
      begin(it);
      await it.accept('feed', [...drafts(a, 0, 100), ...drafts(b, 0, 30)]);
      it.writer.nudge([a, b]);
      await waitUntil(() => drained(it));
      expect(it.database.keys(a)).toEqual(keys(100));
      expect(it.database.keys(b)).toEqual(keys(30));
      expect(await it.outbox.progress(a)).toMatchObject({
        epoch: it.database.epochs.get(a),
        last_seq: '100',
        chain: chainOf(a, drafts(a, 0, 100)),
        delivered: 100,
        duplicates: 0,
      });
    });

    test('I10 a stream begins in the planned epoch, and its next life in another one', async () => {
      const it = await bench();
      begin(it);
      await it.accept('feed', drafts(a, 0, 2));
      it.writer.nudge([a]);
      await waitUntil(() => drained(it));
      const first = await it.outbox.progress(a);
      expect(first?.epoch).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(first?.planned_epoch).toBe(first?.epoch);
      it.database.streams.delete(a);
      it.sink.become('backoff');
      it.sink.become('live');
      await it.accept('feed', drafts(a, 2, 1));
      it.writer.nudge([a]);
      await waitUntil(() => drained(it));
      const second = await it.outbox.progress(a);
      expect(second).toMatchObject({ planned_epoch: first?.epoch, last_seq: '1' });
      expect(second?.epoch).not.toBe(first?.epoch);
    });

    test('sends a stream that only control writes in windows, and each event after the first names its place', async () => {
      const it = await bench({ limits: { window: 8 } });
      await it.accept('feed', drafts(a, 0, 33));
      begin(it);
      await waitUntil(() => drained(it));
      expect(it.database.highestInFlight).toBe(8);
      expect(it.database.calls.map((call) => call.expected)).toEqual([
        undefined,
        ...keys(32).map((_, index) => BigInt(index + 2)),
      ]);
    });

    test('I3 sends one event at a time where a client may append by itself', async () => {
      const writer = {
        client_id: 'w',
        secret_sha256: '0'.repeat(64),
        subject: 'w',
        scopes: ['sync.append'],
        streams: [a],
        role: 'writer',
      };
      const it = await bench({ clients: parseClients({ clients: [writer] }) });
      await it.accept('feed', drafts(a, 0, 20));
      begin(it);
      await waitUntil(() => drained(it));
      expect(it.database.highestInFlight).toBe(1);
      expect(it.database.keys(a)).toEqual(keys(20));
    });

    test('bounds what is in flight over all streams', async () => {
      const it = await bench({ limits: { streams: 3, window: 4 } });
      const ids = Array.from({ length: 10 }, (_, index) => `runtime.run.${index}`);
      for (const id of ids) await it.accept('feed', drafts(id, 0, 20));
      begin(it);
      await waitUntil(() => drained(it));
      expect(it.database.highestInFlight).toBeLessThanOrEqual(12);
      for (const id of ids) expect(it.database.keys(id)).toEqual(keys(20));
      expect(it.outcomes).toEqual(Array(200).fill('appended'));
    });

    test('bounds the bytes of a window', async () => {
      const it = await bench({ limits: { window: 64, windowBytes: 25 } });
      await it.accept('feed', drafts(a, 0, 20));
      begin(it);
      await waitUntil(() => drained(it));
      // {"n":1} has 7 characters, {"n":10} has 8.
      expect(it.database.highestInFlight).toBe(3);
    });

    test('I4 sends again after a lost answer, and the event is there once', async () => {
      const ports = manualPorts();
      const it = await bench({ ports });
      const lost = new Set(['k0', 'k5', 'k19']);
      it.database.fault = ({ idempotency_key }) => (lost.delete(idempotency_key) ? 'lost-answer' : undefined);
      await it.accept('feed', drafts(a, 0, 20));
      begin(it);
      await waitUntil(async () => {
        ports.runNext();
        return drained(it);
      });
      expect(it.database.keys(a)).toEqual(keys(20));
      const progress = await it.outbox.progress(a);
      expect(progress).toMatchObject({ last_seq: '20', chain: chainOf(a, drafts(a, 0, 20)), delivered: 20 });
      expect(progress?.duplicates).toBeGreaterThanOrEqual(3);
    });

    test('I3 keeps the order when an event in the middle of a window fails', async () => {
      const ports = manualPorts();
      const it = await bench({ ports });
      const failing = new Map([
        ['k3', 3],
        ['k9', 1],
      ]);
      it.database.fault = ({ idempotency_key: key }) => {
        const left = failing.get(key) ?? 0;
        failing.set(key, left - 1);
        return left > 0 ? 'not-sent' : undefined;
      };
      await it.accept('feed', drafts(a, 0, 20));
      begin(it);
      await waitUntil(async () => {
        ports.runNext();
        return drained(it);
      });
      expect(it.database.keys(a)).toEqual(keys(20));
      // The followers of a failed event were refused their places instead of taking its.
      expect(it.outcomes).toContain('sequence_conflict');
    });

    test('I5 a refused event parks its own stream, and nothing is skipped', async () => {
      const it = await bench();
      let refuse = true;
      it.database.fault = ({ stream_id, idempotency_key }) =>
        refuse && stream_id === a && idempotency_key === 'k2' ? new SyncError('not_canonical', 'scripted') : undefined;
      await it.accept('feed', [...drafts(a, 0, 6), ...drafts(b, 0, 6)]);
      begin(it);
      await waitUntil(() => it.parked.length > 0 && it.database.keys(b).length === 6);
      await waitUntil(() => it.writer.inFlight === 0);
      expect(it.database.keys(a)).toEqual(['k0', 'k1']);
      expect(it.parked.map(({ event, code }) => [event.idempotency_key, code])).toEqual([['k2', 'not_canonical']]);

      // More events, another nudge: it stays parked.
      await it.accept('feed', [...drafts(a, 6, 1), ...drafts(b, 6, 1)]);
      it.writer.nudge([a, b]);
      await waitUntil(() => it.database.keys(b).length === 7);
      expect(it.database.keys(a)).toEqual(['k0', 'k1']);
      await waitUntil(async () => (await it.outbox.depth()).pending === 4);
      expect(await it.outbox.depth()).toMatchObject({ dead: 1, parked_streams: 1 });

      const letters = createDeadLetters(it.store);
      const [letter] = await letters.list(10);
      expect(letter).toMatchObject({ stream_id: a, idempotency_key: 'k2', code: 'not_canonical', message: 'scripted' });
      refuse = false;
      expect(await letters.retry(letter?.id ?? -1)).toMatchObject({ idempotency_key: 'k2' });
      expect(await letters.retry(letter?.id ?? -1)).toBeUndefined();
      it.writer.nudge([a]);
      await waitUntil(() => drained(it));
      expect(it.database.keys(a)).toEqual(keys(7));
    });

    test('I5 a discarded event is left out, and the stream goes on', async () => {
      const it = await bench();
      it.database.fault = ({ idempotency_key: key }) =>
        key === 'k1' ? new SyncError('payload_too_large', '') : undefined;
      await it.accept('feed', drafts(a, 0, 4));
      begin(it);
      await waitUntil(() => it.parked.length > 0);
      const letters = createDeadLetters(it.store);
      const [letter] = await letters.list(10);
      expect(await letters.discard(letter?.id ?? -1)).toMatchObject({ idempotency_key: 'k1' });
      it.writer.nudge([a]);
      await waitUntil(() => drained(it));
      expect(it.database.keys(a)).toEqual(['k0', 'k2', 'k3']);
    });

    test('I5 an event that keeps meeting an internal error is parked in the end', async () => {
      const ports = manualPorts();
      const it = await bench({ ports, limits: { internalAttempts: 4 } });
      let tries = 0;
      it.database.fault = ({ idempotency_key: key }) => {
        if (key !== 'k0') return undefined;
        tries += 1;
        return new SyncError('internal', 'trapped');
      };
      await it.accept('feed', drafts(a, 0, 2));
      begin(it);
      await waitUntil(() => {
        ports.runNext();
        return it.parked.length > 0;
      });
      expect(tries).toBe(4);
      expect(it.parked[0]?.code).toBe('internal');
    });

    test.each(['forbidden', 'unauthorized', 'token_expired', 'unavailable', 'rate_limited'] as const)(
      'I5 %s says nothing about the event: it is tried again and shown as stalled',
      async (code) => {
        const ports = manualPorts();
        const it = await bench({ ports });
        let broken = true;
        it.database.fault = () => (broken ? new SyncError(code, 'scripted') : undefined);
        await it.accept('feed', drafts(a, 0, 3));
        begin(it);
        await waitUntil(() => {
          ports.runNext();
          return (it.writer.stalled[0]?.attempts ?? 0) >= 12;
        });
        expect(it.parked).toEqual([]);
        expect(it.writer.stalled).toMatchObject([{ stream_id: a, code, message: 'scripted' }]);
        broken = false;
        await waitUntil(async () => {
          ports.runNext();
          return drained(it);
        });
        expect(it.database.keys(a)).toEqual(keys(3));
        await waitUntil(() => it.writer.stalled.length === 0);
      },
    );

    test('sends nothing while the database is away and goes on at once when it is back', async () => {
      const ports = manualPorts();
      const it = await bench({ ports, offline: true });
      begin(it);
      await it.accept('feed', drafts(a, 0, 3));
      it.writer.nudge([a]);
      expect(it.database.calls).toEqual([]);
      it.sink.become('live');
      await waitUntil(() => drained(it));
      it.sink.become('backoff');
      await it.accept('feed', drafts(a, 3, 3));
      it.writer.nudge([a]);
      it.sink.become('live');
      await waitUntil(() => drained(it));
      expect(it.database.keys(a)).toEqual(keys(6));
    });

    test('finds waiting events that nobody told it of', async () => {
      const ports = manualPorts();
      const it = await bench({ ports });
      begin(it);
      await it.accept('feed', drafts(a, 0, 3));
      await waitUntil(async () => {
        ports.runNext();
        return drained(it);
      });
      expect(it.database.keys(a)).toEqual(keys(3));
    });

    test('I6 a rebuilt stream begins a new chain', async () => {
      const it = await bench();
      begin(it);
      await it.accept('feed', drafts(a, 0, 3));
      it.writer.nudge([a]);
      await waitUntil(() => drained(it));
      it.database.streams.set(a, []);
      it.database.epochs.set(a, 'epoch-2');
      await it.accept('feed', drafts(a, 3, 2));
      it.writer.nudge([a]);
      await waitUntil(() => drained(it));
      expect(await it.outbox.progress(a)).toMatchObject({
        epoch: 'epoch-2',
        last_seq: '2',
        chain: chainOf(a, drafts(a, 3, 2)),
        delivered: 5,
      });
    });

    test('I6 has no chain for a stream that somebody else has written too', async () => {
      const it = await bench();
      it.database.streams.set(a, [{ ...drafts(a, 90, 1)[0], seq: 1n } as never]);
      begin(it);
      await it.accept('feed', drafts(a, 0, 3));
      it.writer.nudge([a]);
      await waitUntil(() => drained(it));
      expect(await it.outbox.progress(a)).toMatchObject({ last_seq: '4', chain: null });
    });

    test('makes a stream again that has been retired', async () => {
      const ports = manualPorts();
      const it = await bench({ ports });
      begin(it);
      await it.accept('feed', drafts(a, 0, 2));
      it.writer.nudge([a]);
      await waitUntil(() => drained(it));
      it.database.streams.delete(a);
      it.database.epochs.set(a, 'epoch-2');
      await it.accept('feed', drafts(a, 2, 2));
      it.writer.nudge([a]);
      await waitUntil(async () => {
        ports.runNext();
        return drained(it);
      });
      expect(it.database.keys(a)).toEqual(['k2', 'k3']);
    });
  });
}
