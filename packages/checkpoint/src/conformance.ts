// What every checkpoint store has to do, as tests. Any runner in the manner of jest can run them on any store.
import { genesisChain, type SyncEvent } from '@autopilot/sync-contract';
import { checkAudit } from './conformance/audit.ts';
import {
  type Check,
  chainAt,
  change,
  codeOf,
  codeOfAsync,
  detailsOf,
  epoch,
  event,
  inEpoch,
  log,
  nextEpoch,
  position,
  refusalOf,
  Reopening,
  type StoreUnderTest,
  seqOf,
  streamId,
  type TestRunner,
} from './conformance/harness.ts';
import { checkRetention } from './conformance/retention.ts';
import type { CheckpointStore, StreamChange } from './store.ts';

export type { StoreUnderTest, TestRunner } from './conformance/harness.ts';

/**
 * Adds the tests of the store contract to a runner. The ids in the names are those of SPEC.md.
 *
 * @example
 * checkpointConformance({ describe, test, expect }, 'my store', async () => makeMyStore());
 */
export function checkpointConformance(
  { describe, test, expect }: TestRunner,
  name: string,
  make: () => Promise<StoreUnderTest>,
): void {
  const check: Check = (title, body) => {
    test(title, async () => {
      const made = await make();
      const under = new Reopening(made);
      try {
        await body(await under.open(), under);
      } finally {
        await under.close();
        await made.dispose();
      }
    });
  };

  describe(`${name} keeps the contract of a checkpoint store`, () => {
    check(
      'I1 a commit stores events, watermark, chain and effects, and they are there after opening again',
      async (store, under) => {
        store.commit([change(0, 3, { effects: [{ kind: 'notify', body: 'done' }] })]);
        const expectAll = (opened: CheckpointStore) => {
          expect(position(opened)).toEqual({ epoch, seq: 3n, chain: chainAt(3) });
          expect(opened.events(streamId, { after: 0n, limit: 10 })).toEqual(log(0, 3));
          expect(opened.effects({ after: 0n, limit: 10 }).map(({ kind, body, seq }) => ({ kind, body, seq }))).toEqual([
            { kind: 'notify', body: 'done', seq: 3n },
          ]);
        };
        expectAll(store);
        expectAll(await under.reopen());
      },
    );

    check('I1 a commit of which one change is refused stores none of them', async (store) => {
      const other = { ...change(0, 2), stream_id: 'runtime.conformance.2', events: log(0, 2, 'runtime.conformance.2') };
      expect(codeOf(() => store.commit([other, change(4, 5)]))).toEqual('position_conflict');
      expect(store.streams()).toEqual([]);
      expect(store.events('runtime.conformance.2', { after: 0n, limit: 10 })).toEqual([]);
    });

    check('I1 a commit may hold several changes of one stream, each decided from the one before', async (store) => {
      const commit = [change(0, 2), change(2, 3), change(3, 5)];
      expect(store.commit(commit).changes).toEqual(commit);
      expect(store.events(streamId, { after: 0n, limit: 10 })).toEqual(log(0, 5));
      expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: 5 });
      expect(codeOf(() => store.commit([change(5, 6), change(5, 6)]))).toEqual('position_conflict');
      const other = 'runtime.conformance.2';
      const begin = { ...change(0, 2), stream_id: other, events: log(0, 2, other) };
      const repeated = {
        ...change(2, 3),
        stream_id: other,
        events: [{ ...event(3, other), idempotency_key: 'key-1' }],
      };
      expect(codeOf(() => store.commit([begin, repeated]))).toEqual('idempotency_conflict');
      expect(codeOf(() => store.commit([begin, begin]))).toEqual('position_conflict');
      expect(store.streams().map(({ stream_id, seq }) => [stream_id, seq])).toEqual([[streamId, 5n]]);
    });

    check('I1 a change without events is stored with its effects, at the same place', async (store) => {
      store.commit([change(0, 2)]);
      store.commit([change(2, 2, { effects: [{ kind: 'notify', body: 'still here' }] })]);
      expect(position(store)).toEqual({ epoch, seq: 2n, chain: chainAt(2) });
      expect(store.effects({ after: 0n, limit: 10 }).map(({ stream_id, seq }) => [stream_id, seq])).toEqual([
        [streamId, 2n],
      ]);
    });

    check(
      'I1 counts are of this opening for what happened, and of the scope for what is there',
      async (store, under) => {
        expect(store.recovered).toEqual(undefined);
        store.commit([change(0, 3, { effects: [{ kind: 'a', body: '' }] })]);
        store.commit([change(3, 5)]);
        codeOf(() => store.commit([change(0, 1)]));
        store.resetStream('runtime.other', { epoch, seq: 0n, chain: 'c', reason: 'test' });
        store.quarantine({ stream_id: streamId, reason: 'hash_differs', event: event(1) });
        const kept = {
          ...{ streams: 2, resets: 1, quarantined: 1, unsettled_effects: 1 },
          ...{ quarantine_overflow: 0, resets_overflow: 0, listener_errors: 0 },
        };
        expect(store.counts()).toEqual({ ...kept, commits: 2, committed_events: 5, refused_commits: 1 });
        const again = await under.reopen();
        expect(again.counts()).toEqual({ ...kept, commits: 0, committed_events: 0, refused_commits: 0 });
        expect([again.scope.account, again.recovered]).toEqual(['alice', undefined]);
      },
    );

    check('I2 a refused commit says what is stored, and of which event the key was known', async (store) => {
      const refused = (from: number, to: number, part?: Partial<StreamChange>) =>
        refusalOf(() => store.commit([change(from, to, part)]));
      expect(refused(3, 4)).toEqual({
        code: 'position_conflict',
        details: { stream_id: streamId, stored: null },
      });
      store.commit([change(0, 2)]);
      expect(refused(4, 5)).toEqual({
        code: 'position_conflict',
        details: { stream_id: streamId, stored: { epoch, seq: '2' } },
      });
      expect(refused(2, 3, { events: [{ ...event(3), idempotency_key: 'key-2' }] })).toEqual({
        code: 'idempotency_conflict',
        details: { stream_id: streamId, seq: '3', idempotency_key: 'key-2' },
      });
    });

    check('I3 streams are listed by their ids', async (store) => {
      const names = ['c', 'a', 'd', 'b'].map((name) => `runtime.conformance.${name}`);
      for (const stream_id of names) store.commit([{ ...change(0, 1), stream_id, events: log(0, 1, stream_id) }]);
      expect(store.streams().map(({ stream_id }) => stream_id)).toEqual(names.toSorted());
    });

    check('I2 a commit is refused unless it was decided from the stored position', async (store) => {
      store.commit([change(0, 3)]);
      for (const wrong of [
        change(0, 2),
        change(2, 4),
        change(4, 5),
        { ...change(3, 4), ...inEpoch(nextEpoch, 3, 4) },
      ]) {
        expect(codeOf(() => store.commit([wrong]))).toEqual('position_conflict');
        expect(position(store)).toEqual({ epoch, seq: 3n, chain: chainAt(3) });
      }
      store.commit([change(3, 5)]);
      expect(position(store)).toEqual({ epoch, seq: 5n, chain: chainAt(5) });
    });

    check('I1 I2 after a refused commit the next one goes on from what is stored', async (store) => {
      store.commit([change(0, 2)]);
      const wrong = [
        // The first of both would have been stored.
        [change(2, 4), change(5, 6)],
        [change(2, 4), { ...change(4, 5), events: log(4, 5).map((one) => ({ ...one, idempotency_key: 'key-1' })) }],
      ];
      for (const changes of wrong) {
        expect(codeOf(() => store.commit(changes)) === 'nothing thrown').toEqual(false);
        expect(position(store)).toEqual({ epoch, seq: 2n, chain: chainAt(2) });
        expect(store.hashAt(streamId, epoch, 3n)).toEqual(undefined);
        expect(codeOf(() => store.commit([change(4, 5)]))).toEqual('position_conflict');
      }
      store.commit([change(2, 4), change(4, 5)]);
      expect(position(store)).toEqual({ epoch, seq: 5n, chain: chainAt(5) });
      expect(store.events(streamId, { after: 0n, limit: 10 })).toEqual(log(0, 5));
    });

    check('I2 a stream that is not stored begins at 0', async (store) => {
      expect(codeOf(() => store.commit([change(3, 4)]))).toEqual('position_conflict');
      expect(store.load(streamId)).toEqual(undefined);
    });

    check('I3 a change with a hole, a foreign event or another length is refused', async (store) => {
      store.commit([change(0, 1)]);
      const [second, third, fourth] = log(1, 4);
      if (second === undefined || third === undefined || fourth === undefined) throw new Error('the log is too short');
      const wrong: Partial<StreamChange>[] = [
        { events: [second, fourth], seq: 3n },
        { events: [third, second], seq: 3n },
        { events: [second, third], seq: 4n },
        { events: [{ ...second, stream_id: 'runtime.other' }], seq: 2n },
        { events: [{ ...second, epoch: nextEpoch }], seq: 2n },
        { events: [], seq: 1n, chain: chainAt(2) },
      ];
      for (const part of wrong) {
        expect(codeOf(() => store.commit([{ ...change(1, 2), ...part }]))).toEqual('invalid_change');
        expect(position(store)).toEqual({ epoch, seq: 1n, chain: chainAt(1) });
      }
    });

    check('I4 listeners hear of a commit after it is stored, and of no refused one', async (store) => {
      const heard: unknown[] = [];
      store.onCommitted((commit) => heard.push([commit.changes[0]?.seq, store.load(streamId)?.seq]));
      store.commit([change(0, 2)]);
      codeOf(() => store.commit([change(0, 2)]));
      expect(heard).toEqual([[2n, 2n]]);
    });

    check('I5 a listener that throws is counted and disturbs neither the commit nor the others', async (store) => {
      const heard: bigint[] = [];
      store.onCommitted(() => {
        throw new Error('a listener of somebody');
      });
      const stop = store.onCommitted((commit) => heard.push(seqOf(commit)));
      store.commit([change(0, 1)]);
      stop();
      store.commit([change(1, 2)]);
      expect(heard).toEqual([1n]);
      expect(store.counts().listener_errors).toEqual(2);
      expect(position(store)).toEqual({ epoch, seq: 2n, chain: chainAt(2) });
    });

    check('I5 a commit made by a listener is told after the one it was told of', async (store) => {
      const heard: bigint[] = [];
      store.onCommitted((commit) => {
        if (seqOf(commit) === 1n) for (const from of [1, 2, 3]) store.commit([change(from, from + 1)]);
      });
      store.onCommitted((commit) => heard.push(seqOf(commit)));
      store.commit([change(0, 1)]);
      expect(heard).toEqual([1n, 2n, 3n, 4n]);
    });

    check('I6 an idempotency key is stored once per stream and epoch', async (store) => {
      store.commit([change(0, 2)]);
      const again = log(2, 3).map((event) => ({ ...event, idempotency_key: 'key-1' }));
      expect(codeOf(() => store.commit([change(2, 3, { events: again })]))).toEqual('idempotency_conflict');
      expect(position(store)).toEqual({ epoch, seq: 2n, chain: chainAt(2) });
      expect(store.seqOf(streamId, epoch, 'key-1')).toEqual(1n);
      expect(store.seqOf(streamId, epoch, 'key-3')).toEqual(undefined);
      expect(store.seqOf(streamId, nextEpoch, 'key-1')).toEqual(undefined);
      store.resetStream(streamId, { epoch: nextEpoch, seq: 0n, chain: genesisChain(streamId), reason: 'rebuilt' });
      store.commit([{ ...change(0, 2), ...inEpoch(nextEpoch, 0, 2) }]);
      expect(store.seqOf(streamId, nextEpoch, 'key-1')).toEqual(1n);
    });

    check('I6 a key that comes twice is named wherever in a change it comes, and nothing is stored', async (store) => {
      store.commit([change(0, 1)]);
      for (const twice of [3, 22, 47, 51]) {
        const events = log(1, 52).map((one) =>
          one.seq === BigInt(twice) ? { ...one, idempotency_key: 'key-1' } : one,
        );
        const commit = () => store.commit([change(1, 52, { events })]);
        expect([codeOf(commit), detailsOf(commit).seq]).toEqual(['idempotency_conflict', `${twice}`]);
        expect(position(store)).toEqual({ epoch, seq: 1n, chain: chainAt(1) });
        expect(store.events(streamId, { after: 0n, limit: 100 })).toEqual(log(0, 1));
      }
      store.commit([change(1, 52)]);
      expect(store.events(streamId, { after: 0n, limit: 100 })).toEqual(log(0, 52));
    });

    check('I6 the hash of an applied event is known by its place', async (store) => {
      store.commit([change(0, 2)]);
      expect(store.hashAt(streamId, epoch, 2n)).toEqual(log(1, 2)[0]?.payload_hash);
      expect(store.hashAt(streamId, epoch, 3n)).toEqual(undefined);
      expect(store.hashAt(streamId, nextEpoch, 2n)).toEqual(undefined);
      expect(store.hashAt('runtime.other', epoch, 2n)).toEqual(undefined);
    });

    check('I7 a reset replaces the state at once and keeps an audit record', async (store, under) => {
      store.commit([change(0, 3)]);
      const to = { epoch: nextEpoch, seq: 40n, chain: 'floor' };
      store.resetStream(streamId, { ...to, reason: 'retention_floor_breach' });
      const expectReset = (opened: CheckpointStore) => {
        expect(position(opened)).toEqual(to);
        expect(opened.load(streamId)?.base_seq).toEqual(40n);
        expect(opened.events(streamId, { after: 0n, limit: 10 })).toEqual([]);
        expect(opened.resets().map(({ at_ms: _at, ...rest }) => rest)).toEqual([
          { stream_id: streamId, from: { epoch, seq: 3n, chain: chainAt(3) }, to, reason: 'retention_floor_breach' },
        ]);
      };
      expectReset(store);
      expectReset(await under.reopen());
    });

    check('I7 a stream may begin by a reset, and goes on from its floor', async (store) => {
      store.resetStream(streamId, { epoch, seq: 5n, chain: chainAt(5), reason: 'retention_floor_breach' });
      store.commit([change(5, 7)]);
      expect(store.events(streamId, { after: 0n, limit: 10 })).toEqual(log(5, 7));
      expect(store.resets(streamId)[0]?.from).toEqual(undefined);
      expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: 2 });
    });

    check('I8 what one account stores, another does not see', async (store, under) => {
      store.commit([change(0, 3, { effects: [{ kind: 'notify', body: '' }] })]);
      store.quarantine({ stream_id: streamId, reason: 'hash_differs', event: event(2) });
      const other = await under.reopen('another');
      expect(other.streams()).toEqual([]);
      expect(other.quarantined()).toEqual([]);
      const effects = (opened: CheckpointStore) => opened.effects({ after: 0n, limit: 10 });
      expect(effects(other)).toEqual([]);
      other.commit([change(0, 1)]);
      const first = await under.reopen();
      expect(position(first)).toEqual({ epoch, seq: 3n, chain: chainAt(3) });
      const id = effects(first)[0]?.id ?? -1n;
      expect((await under.reopen('another')).settleEffect(id)).toEqual(false);
    });

    check('I14 sequences and times beyond 2^53 stay exact', async (store, under) => {
      const base = 2n ** 62n + 1n;
      store.resetStream(streamId, { epoch, seq: base, chain: 'floor', reason: 'test' });
      const far: SyncEvent = { ...event(1), seq: base + 1n, committed_at: 2n ** 62n + 3n };
      store.commit([{ stream_id: streamId, epoch, expected_seq: base, events: [far], seq: base + 1n, chain: 'next' }]);
      const opened = await under.reopen();
      expect(position(opened)).toEqual({ epoch, seq: base + 1n, chain: 'next' });
      expect(opened.events(streamId, { after: base, limit: 1 })).toEqual([far]);
    });

    check('I16 a quarantined event is kept as it came, once, and moves nothing', async (store, under) => {
      store.commit([change(0, 1)]);
      const odd = { ...event(1), seq: 2n ** 70n, payload: 'not even JSON' };
      const known_hash = event(1).payload_hash;
      for (let time = 0; time < 3; time += 1) {
        store.quarantine({ stream_id: streamId, reason: 'hash_differs', event: odd, known_hash });
      }
      store.quarantine({
        stream_id: streamId,
        reason: 'hash_differs',
        event: { ...odd, payload: 'another' },
        known_hash,
      });
      const kept = (await under.reopen()).quarantined();
      expect(kept.map(({ event: it, times, known_hash: known }) => [it.payload, it.seq, times, known])).toEqual([
        ['not even JSON', 2n ** 70n, 3n, known_hash],
        ['another', 2n ** 70n, 1n, known_hash],
      ]);
    });

    check('I17 an effect is given again until it is settled', async (store, under) => {
      store.commit([
        change(0, 1, {
          effects: [
            { kind: 'a', body: '1' },
            { kind: 'b', body: '2' },
          ],
        }),
      ]);
      const [first, second] = store.effects({ after: 0n, limit: 10 });
      if (first === undefined || second === undefined) throw new Error('two effects were committed');
      expect(store.settleEffect(first.id)).toEqual(true);
      expect(store.settleEffect(first.id)).toEqual(false);
      expect((await under.reopen()).effects({ after: 0n, limit: 10 })).toEqual([second]);
      expect(second.body).toEqual('2');
    });

    check('I3 events are read in pages, in order', async (store) => {
      store.commit([change(0, 5)]);
      expect(store.events(streamId, { after: 0n, limit: 2 })).toEqual(log(0, 2));
      expect(store.events(streamId, { after: 2n, limit: 2 })).toEqual(log(2, 4));
      expect(store.events(streamId, { after: 4n, limit: 2 })).toEqual(log(4, 5));
      for (const limit of [0, -1, 1.5, Number.NaN, 10_001]) {
        expect(codeOf(() => store.events(streamId, { after: 0n, limit }))).toEqual('invalid_option');
      }
    });

    check('I10 nothing else opens what is open', async (store, under) => {
      expect(await codeOfAsync(() => under.open('another'))).toEqual('locked');
      await store.close();
      await under.reopen('another');
    });

    check('I10 closing a store once more does not free what another one holds', async (store, under) => {
      await store.close();
      await under.open('alice');
      await store.close();
      expect(await codeOfAsync(() => under.open('another'))).toEqual('locked');
    });

    check('I17 effects are read in pages, in the order in which they were committed', async (store) => {
      const effects = [1, 2, 3, 4].map((number) => ({ kind: 'notify', body: `${number}` }));
      store.commit([change(0, 1, { effects })]);
      const page = (after: bigint, limit: number) => store.effects({ after, limit });
      const all = page(0n, 10);
      expect(all.map(({ body }) => body)).toEqual(['1', '2', '3', '4']);
      expect(page(all[0]?.id ?? 0n, 2)).toEqual(all.slice(1, 3));
      expect(page(all[3]?.id ?? 0n, 2)).toEqual([]);
      for (const limit of [0, 10_001]) expect(codeOf(() => page(0n, limit))).toEqual('invalid_option');
    });

    check('I18 a closed store refuses every call, and closing twice is fine', async (store) => {
      await store.close();
      await store.close();
      const page = { after: 0n, limit: 1 };
      const calls: Record<Exclude<keyof CheckpointStore, 'scope' | 'recovered' | 'close'>, () => unknown> = {
        load: () => store.load(streamId),
        streams: () => store.streams(),
        commit: () => store.commit([change(0, 1)]),
        resetStream: () => store.resetStream(streamId, { epoch, seq: 0n, chain: 'x', reason: 'x' }),
        resets: () => store.resets(),
        events: () => store.events(streamId, page),
        hashAt: () => store.hashAt(streamId, epoch, 1n),
        seqOf: () => store.seqOf(streamId, epoch, 'key-1'),
        quarantine: () => store.quarantine({ stream_id: streamId, reason: 'hash_differs', event: event(1) }),
        quarantined: () => store.quarantined(),
        overflows: () => store.overflows(),
        clearQuarantine: () => store.clearQuarantine(streamId),
        effects: () => store.effects(page),
        settleEffect: () => store.settleEffect(1n),
        verify: () => store.verify(streamId),
        discardRetired: () => store.discardRetired(1),
        trim: () => store.trim(streamId, { through: 1n, limit: 1 }),
        reclaim: () => store.reclaim(1),
        onCommitted: () => store.onCommitted(() => undefined),
        counts: () => store.counts(),
        backup: () => store.backup(),
      };
      const codes: [string, string][] = [];
      for (const [name, call] of Object.entries(calls)) codes.push([name, await codeOfAsync(call)]);
      expect(codes).toEqual(Object.keys(calls).map((name) => [name, 'closed']));
    });

    checkAudit(check, expect);
    checkRetention(check, expect);
  });
}
